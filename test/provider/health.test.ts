import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { runtime } from "@pulumi/pulumi";
import { expect } from "chai";
import type { Wire } from "../../provider/codec.ts";
import { health } from "../../provider/health.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { HealthAnswer } from "../../updater/protocol.ts";
import { FakeServer, OUT_OF_REACH, unreachable } from "./support/fake-server.ts";
import { COMMIT, listeningContext, NEWER, place, servingState } from "./support/samples.ts";

const INPUTS: Wire = { place, commit: COMMIT, deployment: 3, public: "warn" };
const GOOD: HealthAnswer = { reachable: true, status: "ok", databaseHealthy: true, version: "1" };

describe("health", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    server.state = servingState({ health: GOOD });
    await server.arrive();
  });

  afterEach(async () => {
    await server.leave(original);
  });

  const drift = async (olds: Wire = INPUTS): Promise<unknown> => {
    await server.nextRun();
    return (await health.check(listeningContext(), olds, INPUTS)).additions["drift"];
  };

  it("shows an unhealthy server as drift", async () => {
    expect(await drift()).to.equal(undefined);
    server.state = servingState({ health: { reachable: false, problem: "no answer" } });
    expect(await drift()).to.equal("no answer");
    server.state = servingState({ health: { ...GOOD, status: "degraded" } });
    expect(await drift()).to.equal("status degraded");
    server.state = servingState({ health: { ...GOOD, databaseHealthy: false, problem: "db" } });
    expect(await drift()).to.equal("db");
  });

  it("shows none before a first proof, while a job runs, and from an unreachable server", async () => {
    server.state = servingState({ health: { reachable: false, problem: "no answer" } });
    expect(await drift({})).to.equal(undefined);
    const openJob = {
      kind: "switch" as const,
      sequence: 4,
      requestedBy: "x",
      openedAt: "2026-03-01T12:00:00Z",
      step: "",
    };
    server.state = { ...server.state, openJob };
    expect(await drift()).to.equal(undefined);
    server.failure = unreachable();
    expect(await drift()).to.equal(undefined);
  });

  it("is proven anew for another commit, job, address or meaning, and for drift", () => {
    expect(health.diff(INPUTS, INPUTS)).to.equal(false);
    for (const change of [
      { commit: NEWER },
      { deployment: 4 },
      { deployment: runtime.unknownValue },
      { url: "https://chat.example.org" },
      { public: "off" },
      { drift: "no answer" },
      { place: { ...place, server: { host: "new.example.org", user: "root" } } },
    ])
      expect(health.diff(INPUTS, { ...INPUTS, ...change }), JSON.stringify(change)).to.equal(true);
  });

  it("keeps what it knows where the server of the last run can't be read, and says why", async () => {
    const outputs = { ...INPUTS, status: "ok" };
    for (const failure of OUT_OF_REACH) {
      await server.nextRun();
      server.failure = failure;
      const context = listeningContext();
      expect(await health.read(context, outputs)).to.deep.equal(outputs);
      expect(context.warnings.join()).to.contain(failure.message);
    }
  });

  it("proves by a new reading what serves", async () => {
    const { outputs } = await health.create(listeningContext(), { ...INPUTS, drift: "no answer" });
    expect(outputs).to.include({ status: "ok", version: "1", startedAt: "" });
    expect(outputs).not.to.have.property("drift");
  });

  it("takes what this run has read where that is good, and looks again where it isn't", async () => {
    const looks = (): number =>
      server.commands.filter((label) => label === "read the instance's state").length;
    await health.check(listeningContext(), INPUTS, INPUTS);
    const before = looks();
    await health.update(listeningContext(), INPUTS, INPUTS);
    expect(looks()).to.equal(before);

    await server.nextRun();
    server.state = servingState({ health: { reachable: false, problem: "no answer" } });
    const { additions } = await health.check(listeningContext(), INPUTS, INPUTS);
    expect(additions).to.have.property("drift");
    server.state = servingState({ health: GOOD });
    const { status } = await health.update(listeningContext(), INPUTS, { ...INPUTS, ...additions });
    expect(status).to.equal("ok");
  });

  it("fails with the cause where it is unhealthy", async () => {
    server.state = servingState({ health: { reachable: false, problem: "connection refused" } });
    const failed: unknown = await health
      .create(listeningContext(), INPUTS)
      .catch((error: unknown) => error);
    expect(failed).to.have.property("message").that.includes("not healthy: connection refused");
  });

  describe("from outside", () => {
    let web: Server;
    let body = "";
    let url: string;

    before(async () => {
      web = createServer((_request, response) => response.end(body));
      await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    });

    after(() => {
      web.close();
      web.closeAllConnections();
    });

    async function prove(meaning: string): Promise<string> {
      const context = listeningContext();
      const inputs = { ...INPUTS, url, public: meaning };
      const failed = await health.create(context, inputs).then(
        () => "",
        (error: Error) => `failed: ${error.message}`,
      );
      return `${failed}${context.warnings.join()}`;
    }

    it("warns, fails or stays silent as it is asked, and never says that it reverted", async () => {
      body = "<h1>parked</h1>";
      expect(await prove("warn"))
        .to.include(`${url} does not answer`)
        .and.include("not reverted");
      expect(await prove("required")).to.match(/^failed: .*does not answer/);
      expect(await prove("off")).to.equal("");
    });

    it("says nothing of an address that answers", async () => {
      body = '{"status":"ok","version":"1","db_healthy":true,"uptime_seconds":1}';
      expect(await prove("required")).to.equal("");
    });
  });
});
