import { expect } from "chai";
import { host } from "../../provider/host.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { FakeServer, unreachable } from "./support/fake-server.ts";
import { listeningContext, place, readyFacts, reasons, servingState } from "./support/samples.ts";

const INPUTS = {
  place,
  needs: {
    directory: "/srv/chatalot",
    listen: { address: "127.0.0.1", port: 8080 },
    prepareServer: false,
  },
};

describe("host", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    await server.arrive();
  });

  afterEach(async () => {
    await server.leave(original);
  });

  const check = () => host.check(listeningContext(), {}, INPUTS);

  it("accepts an empty server in good order", async () => {
    const { additions, refusals } = await check();
    expect(refusals).to.deep.equal([]);
    expect(additions).to.include({ system: "x86_64", docker: "24.0.7" });
    expect(additions["updater"]).to.match(/^[0-9a-f]{64}$/);
  });

  it("lists everything that is missing in one refusal", async () => {
    server.facts = readyFacts().replace("24.0.7", "20.10.1").replace("systemd=252", "systemd=240");
    server.userReachesDocker = false;
    // Only of another user it is asked whether Docker lets it in.
    const deployer = { ...place, server: { host: "chat.example.org", user: "deployer" } };
    const [reason, ...more] = reasons(
      await host.check(listeningContext(), {}, { ...INPUTS, place: deployer }),
    );
    expect(more).to.deep.equal([]);
    expect(reason)
      .to.include("root@chat.example.org can't run Chatalot yet:\n  - ")
      .and.include("Docker is 20.10.1")
      .and.include("systemd is 240")
      .and.include("without sudo")
      .and.match(/Nothing was changed\.$/);
  });

  it("only warns of an unreachable server, and then is a change that fails", async () => {
    server.failure = unreachable();
    const context = listeningContext();
    const { additions, refusals } = await host.check(context, {}, INPUTS);
    expect(refusals).to.deep.equal([]);
    expect(context.warnings.join()).to.include("connection refused").and.include("would fail here");
    expect(host.diff({}, { ...INPUTS, ...additions })).to.equal(true);
    const failed: unknown = await host
      .create(context, { ...INPUTS, ...additions })
      .catch((error: unknown) => error);
    expect(failed).to.equal(server.failure);
  });

  it("sees another updater, and nothing else", () => {
    expect(host.diff({ updater: "a" }, { updater: "b" })).to.equal(true);
    expect(host.diff({ updater: "a", docker: "24.0.7" }, { updater: "a", docker: "25" })).to.equal(
      false,
    );
  });

  it("forgets in its outputs that the server could not be reached", async () => {
    server.state = servingState();
    server.facts += "node=0:755 v20.19.0 /usr/bin/node\n";
    const inputs = { ...INPUTS, unreachable: "connection refused" };
    const { id, outputs } = await host.create(listeningContext(), inputs);
    expect(id).to.equal("root@chat.example.org");
    expect(outputs).to.deep.equal(INPUTS);
  });
});
