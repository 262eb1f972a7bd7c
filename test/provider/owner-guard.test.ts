import { expect } from "chai";
import { deployment } from "../../provider/deployment.ts";
import { guardText } from "../../provider/owner-guard.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { FakeServer } from "./support/fake-server.ts";
import {
  applied,
  COMMIT,
  deploymentInputs,
  listeningContext,
  servingRecord,
  servingState,
} from "./support/samples.ts";

const OPEN = { address: "0.0.0.0", port: 8080 };
const LOOPBACK = { address: "127.0.0.1", port: 8080 };
const LINE = "ssh -L 8080:127.0.0.1:8080 root@chat.example.org";

describe("the owner guard, as the operator sees it", () => {
  const original = RemoteServer.openTransport;
  const configuration = { ...(deploymentInputs().configuration as object), listen: OPEN };
  const inputs = deploymentInputs({ configuration });
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    await server.arrive();
  });
  afterEach(() => server.leave(original));

  it("gives the exact line in the preview of a first deployment", async () => {
    const context = listeningContext();
    const { additions } = await deployment.check(context, {}, inputs);
    expect(context.warnings).to.have.length(1);
    expect(context.warnings[0])
      .to.include("published on 127.0.0.1:8080 only, not on 0.0.0.0:8080")
      .and.include(LINE)
      .and.include("http://localhost:8080")
      .and.include("pulumi up");
    expect(additions).to.deep.equal({});
  });

  it("holds without being a change while there is no account", async () => {
    server.state = stateWith(false);
    const context = listeningContext();
    const olds = { ...inputs, instanceId: "instance-a" };
    const { additions } = await deployment.check(context, olds, inputs);
    expect(context.warnings.join()).to.include(LINE);
    expect(deployment.diff(olds, { ...inputs, ...additions })).to.equal(false);
  });

  it("shows the opening as a change once there is an account", async () => {
    server.state = stateWith(true);
    const context = listeningContext();
    const olds = { ...inputs, instanceId: "instance-a" };
    const { additions } = await deployment.check(context, olds, inputs);
    expect(context.warnings).to.deep.equal([]);
    expect(additions.opening).to.equal("an owner exists: the chat opens on 0.0.0.0:8080");
    expect(deployment.diff(olds, { ...inputs, ...additions })).to.equal(true);
  });

  it("says nothing where it is switched off, and nothing of a chat for a reverse proxy", async () => {
    server.state = stateWith(false);
    for (const changes of [{ listen: OPEN, beforeOwner: "open" }, { listen: LOOPBACK }]) {
      const context = listeningContext();
      const wanted = deploymentInputs({ configuration: { ...configuration, ...changes } });
      const { additions } = await deployment.check(context, {}, wanted);
      expect(context.warnings).to.deep.equal([]);
      expect(additions).not.to.have.property("opening");
    }
  });

  it("tells with the result where the chat is, and keeps it", async () => {
    server.answer = {
      answer: "unchanged",
      instanceId: "instance-a",
      serving: servingRecord(),
      listen: LOOPBACK,
    };
    const context = listeningContext();
    const { outputs } = await deployment.create(context, inputs);
    expect(context.told.join("\n")).to.include(LINE);
    expect(outputs.listen).to.deep.equal(LOOPBACK);
  });

  it("names the way in with everything that the operator's ssh needs", () => {
    const wanted = { listen: OPEN };
    const address = {
      host: "2001:db8::1",
      user: "deploy",
      port: 2222,
      identityFile: "/home/ada/my key",
      jumpHost: { host: "jump.example.org", user: "ada", port: 22 },
    };
    expect(guardText(wanted, { ...LOOPBACK, port: 80 }, address)).to.include(
      "ssh -L 8080:127.0.0.1:80 -p 2222 -i '/home/ada/my key' -J ada@jump.example.org:22 " +
        "deploy@2001:db8::1",
    );
    expect(guardText(wanted, LOOPBACK, null)).to.include(
      "Register on this machine at http://localhost:8080",
    );
  });

  function stateWith(hasAccounts: boolean): ServerState {
    const serving = servingRecord({
      serving: {
        releaseDirectory: "releases/1-3",
        configurationDigest: "d",
        image: "chatalot:1",
        imageId: "sha256:1",
        composeConfigHash: "c",
        profiles: [],
        listen: LOOPBACK,
        restartPolicy: "unless-stopped",
        database: { systemIdentifier: "7", oid: "16384" },
        applied,
      },
      release: { name: "v1.0.0", commit: COMMIT, migrations: [] },
    });
    return servingState({
      serving,
      lastServing: serving,
      database: { identity: { systemIdentifier: "7", oid: "16384" }, applied, hasAccounts },
    });
  }
});
