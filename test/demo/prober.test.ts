import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { startProber } from "../support/prober.ts";

describe("startProber", function () {
  this.timeout(30_000);
  const stored: string[] = [];
  let server: Server;
  let url: string;
  let status = 200;

  beforeEach(async () => {
    stored.length = 0;
    status = 200;
    server = createServer((request, response) => {
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

  it("sees no gap while everything is answered, and counts 429 as alive", async () => {
    const prober = startProber({ baseUrl: url });
    await sleep(1_500);
    status = 429;
    await sleep(500);
    const result = await prober.stop();
    expect(result.failedRequests).to.equal(0);
    expect(result.longestGap).to.equal(0);
    expect(result.probes.length).to.be.within(12, 21);
    expect(result.probes.at(-1)?.status).to.equal(429);
  });

  it("measures a gap", async () => {
    const prober = startProber({ baseUrl: url });
    await sleep(600);
    status = 0;
    await sleep(1_000);
    status = 200;
    await sleep(600);
    const result = await prober.stop();
    expect(result.gaps).to.have.length(1);
    expect(result.longestGap).to.be.within(800, 1_400);
    expect(result.totalGap).to.equal(result.longestGap);
    expect(result.failedRequests).to.be.above(5);
  });

  it("names acknowledged markers that are gone", async () => {
    const prober = startProber({ baseUrl: url });
    await sleep(2_500);
    const result = await prober.stop();
    expect(result.acknowledgedMarkers).to.have.length(2);
    expect(await prober.missingMarkers()).to.deep.equal([]);
    const lost = stored.shift();
    expect(await prober.missingMarkers()).to.deep.equal([lost]);
  });
});
