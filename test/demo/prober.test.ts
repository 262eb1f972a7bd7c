import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { gapsOf, startProber, type Probe } from "../support/prober.ts";
import { waitUntil } from "../transport/sshd.ts";

describe("gapsOf", () => {
  const probes = (outcomes: string): Probe[] =>
    [...outcomes].map((outcome, at) => ({
      ...{ at: 1_000 + 100 * at, latency: 3 },
      outcome: outcome === "+" ? "ok" : "failed",
    }));

  it("finds none where all is answered, or nothing was asked", () => {
    expect(gapsOf(probes("+++"))).to.deep.equal([]);
    expect(gapsOf([])).to.deep.equal([]);
  });

  it("measures from the first request that failed to the next that was answered", () => {
    expect(gapsOf(probes("++---+-+"))).to.deep.equal([
      { from: 1_200, to: 1_500, milliseconds: 300 },
      { from: 1_600, to: 1_700, milliseconds: 100 },
    ]);
  });

  it("lets one that has no end last to the last request", () => {
    expect(gapsOf(probes("+--"))).to.deep.equal([{ from: 1_100, to: 1_200, milliseconds: 100 }]);
  });
});

describe("startProber", function () {
  this.timeout(120_000);
  /** A busy machine may be late with an answer, which would count as none. */
  const timeLimit = 60_000;
  const stored: string[] = [];
  let server: Server;
  let url: string;
  let status = 200;
  /** What each request for the health was answered with; 0: not at all. */
  const answers: number[] = [];

  beforeEach(async () => {
    stored.length = 0;
    answers.length = 0;
    status = 200;
    server = createServer((request, response) => {
      if (request.url === "/api/health") answers.push(status);
      if (status === 0) return void request.socket.destroy();
      if (request.method === "GET" && request.url?.startsWith("/api/messages") === true) {
        const after = Number(new URL(request.url, url).searchParams.get("after"));
        const messages = stored.map((text, index) => ({ id: index + 1, text })).slice(after);
        return void response.end(JSON.stringify({ messages }));
      }
      if (request.method === "GET") {
        return void response.writeHead(status).end(JSON.stringify({ status: "ok" }));
      }
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        stored.push((JSON.parse(body) as { text: string }).text);
        response.writeHead(201).end();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  /** Until the server has had so many more requests for its health. */
  async function asked(times: number): Promise<void> {
    const before = answers.length;
    await waitUntil(`${times} requests came`, () => answers.length >= before + times);
  }

  it("sees no gap while everything is answered, and counts 429 as alive", async () => {
    const prober = startProber({ baseUrl: url, timeLimit });
    await asked(10);
    status = 429;
    await asked(5);
    const result = await prober.stop();
    expect(result.failedRequests).to.equal(0);
    expect(result.longestGap).to.equal(0);
    expect(result.probes).to.have.length(answers.length);
    expect(result.probes.map((probe) => probe.status)).to.include.members([200, 429]);
  });

  it("sees that nothing is answered for a time", async () => {
    const prober = startProber({ baseUrl: url, timeLimit });
    await asked(5);
    status = 0;
    await asked(8);
    status = 200;
    await asked(5);
    const result = await prober.stop();
    const refused = answers.filter((answer) => answer === 0).length;
    expect(result.failedRequests).to.equal(refused).and.to.be.at.least(8);
    expect(result.gaps).to.deep.equal(gapsOf(result.probes)).and.not.to.be.empty;
    expect(result.totalGap).to.be.at.least(result.longestGap).and.to.be.above(0);
  });

  it("names acknowledged markers that are gone", async () => {
    const prober = startProber({ baseUrl: url, timeLimit });
    await waitUntil("two markers are stored", () => stored.length >= 2);
    const result = await prober.stop();
    expect(result.acknowledgedMarkers).to.have.members(stored);
    expect(await prober.missingMarkers()).to.deep.equal([]);
    const lost = stored.shift();
    expect(await prober.missingMarkers()).to.deep.equal([lost]);
  });
});
