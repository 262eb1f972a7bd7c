import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { parseHealth, probeHealth, probeWebVersion } from "../../updater/drivers/compose/health.ts";

const GOOD = { status: "ok", version: "0.17.0", uptime_secs: 12, db_healthy: true };

describe("parseHealth", () => {
  it("reads the facts of a health document", () => {
    expect(parseHealth(JSON.stringify(GOOD))).to.deep.equal({
      status: "ok",
      version: "0.17.0",
      databaseHealthy: true,
      uptimeSeconds: 12,
    });
  });

  it("reads a degraded one too, and does without an uptime", () => {
    const body = JSON.stringify({ status: "degraded", version: "1", db_healthy: false });
    expect(parseHealth(body)).to.deep.equal({
      status: "degraded",
      version: "1",
      databaseHealthy: false,
    });
  });

  const wrong: [string, string][] = [
    ["nothing", ""],
    ["HTML", "<!doctype html><title>ok</title>"],
    ["half a document", JSON.stringify(GOOD).slice(0, -1)],
    ["null", "null"],
    ["a text", '"ok"'],
    ["a list", "[]"],
    ["no database", JSON.stringify({ status: "ok", version: "1" })],
    ["a database that is a text", JSON.stringify({ ...GOOD, db_healthy: "true" })],
    ["a status that is no text", JSON.stringify({ ...GOOD, status: true })],
    ["no version", JSON.stringify({ status: "ok", db_healthy: true })],
  ];
  for (const [what, body] of wrong)
    it(`takes ${what} for something else`, () => {
      expect(parseHealth(body)).to.equal(undefined);
    });

  it("shortens what a server may make as long as it likes", () => {
    const long = "x".repeat(10_000);
    const answer = parseHealth(JSON.stringify({ ...GOOD, status: long, version: long }));
    expect(answer?.status).to.have.length(100);
    expect(answer?.version).to.have.length(100);
  });
});

describe("probing over HTTP", () => {
  let server: Server;
  let origin: string;
  let requests: string[];
  let answer: RequestListener;

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request.url ?? "");
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function send(status: number, body: string, headers: Record<string, string> = {}): void {
    answer = (_request, response) => response.writeHead(status, headers).end(body);
  }

  it("reads health from its own path", async () => {
    send(200, JSON.stringify(GOOD));
    expect(await probeHealth(origin)).to.include({
      reachable: true,
      httpStatus: 200,
      status: "ok",
    });
    expect(requests).to.deep.equal(["/api/health"]);
  });

  it("reads degraded from a 200", async () => {
    send(200, JSON.stringify({ ...GOOD, status: "degraded", db_healthy: false }));
    expect(await probeHealth(origin)).to.include({ status: "degraded", databaseHealthy: false });
  });

  const useless: [string, number, string, string][] = [
    ["HTML with 200", 200, "<html>ok</html>", "the answer is not Chatalot's health document"],
    ["wrong JSON", 200, '{"ok":true}', "the answer is not Chatalot's health document"],
    ["a good document with 500", 500, JSON.stringify(GOOD), "HTTP status 500"],
    ["too many requests", 429, JSON.stringify(GOOD), "too many requests"],
  ];
  for (const [what, status, body, problem] of useless)
    it(`takes no facts from ${what}`, async () => {
      send(status, body);
      const health = await probeHealth(origin);
      expect(health).to.deep.equal({ reachable: true, httpStatus: status, problem });
    });

  it("follows no redirect", async () => {
    send(302, "", { location: "/elsewhere" });
    expect((await probeHealth(origin)).problem).to.equal("HTTP status 302");
    expect(requests).to.deep.equal(["/api/health"]);
  });

  it("reads no body without end", async () => {
    let sent = 0;
    answer = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384))) sent += 16_384;
        sent += 16_384;
      };
      response.on("drain", more);
      more();
    };
    const health = await probeHealth(origin);
    expect(health.reachable).to.equal(false);
    expect(health.problem).to.contain("more than 65536 bytes");
    expect(sent).to.be.lessThan(64 * 1024 * 1024);
  });

  it("says that nothing listens", async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await probeHealth(origin)).to.deep.equal({
      reachable: false,
      problem: "nothing listens yet",
    });
  });

  it("copes with a server that hangs up", async () => {
    answer = (request) => request.socket.destroy();
    expect((await probeHealth(origin)).reachable).to.equal(false);
  });

  describe("with a short limit", () => {
    const real = AbortSignal.timeout.bind(AbortSignal);
    const limits: number[] = [];
    before(() => {
      AbortSignal.timeout = (milliseconds) => {
        limits.push(milliseconds);
        return real(50);
      };
    });
    after(() => {
      AbortSignal.timeout = real;
    });

    it("waits longer than the 5 seconds after which Chatalot says degraded, not for ever", async () => {
      answer = () => undefined;
      const health = await probeHealth(origin);
      expect(health).to.deep.equal({ reachable: false, problem: "no answer in 8 seconds" });
      expect(limits.at(-1)).to.be.greaterThan(5_000);
    });

    it("doesn't wait for the rest of a body either", async () => {
      answer = (_request, response) => void response.write('{"status":"ok",');
      expect((await probeHealth(origin)).reachable).to.equal(false);
    });
  });

  it("reads the web client's version", async () => {
    send(200, '{"version":"0.23.0"}');
    expect(await probeWebVersion(origin)).to.equal("0.23.0");
    expect(requests).to.deep.equal(["/version.json"]);
  });

  it("finds no version in a page, an error or a number", async () => {
    for (const [status, body] of [
      [200, "<html>"],
      [404, '{"version":"1"}'],
      [200, '{"version":1}'],
      [200, "null"],
    ] as const) {
      send(status, body);
      expect(await probeWebVersion(origin), body).to.equal(undefined);
    }
  });
});
