import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { run } from "../../../cli/restore/restore.ts";
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import { FakeServer } from "../../provider/support/fake-server.ts";
import {
  COMMIT,
  listeningContext,
  place,
  servingRecord,
  servingState,
} from "../../provider/support/samples.ts";
import { backup, NAME } from "../backup/samples.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const BEFORE = "config:\n  chatalot-deploy:release: v1.0.0\n";

describe("a restore of a backup of the release that serves", () => {
  const openTransport = RemoteServer.openTransport;
  const pulumi = new FakePulumi();
  const context = listeningContext();
  let server: FakeServer;

  beforeEach(async () => {
    await pulumi.arrive(BEFORE);
    await pulumi.answers("up", "exit 1");
    server = new FakeServer();
    server.state = servingState();
    await server.arrive();
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  const restored = () => {
    const { manifest } = backup(NAME, { release: { name: "v1.0.0", commit: COMMIT } });
    const wanted = { server: RemoteServer.at(place), name: NAME, manifest };
    const job = servingState().serving?.sequence ?? 0;
    return run(undefined, wanted, job, { yes: true, question: undefined }, context);
  };

  it("has failed where it was taken back, and the stack file is as before", async () => {
    expect(await restored()).to.equal("failed");
    expect(context.told.at(-1)).to.equal("Pulumi.prod.yaml is as it was before.");
    expect(await readFile(pulumi.stackFile, "utf8")).to.equal(BEFORE);
  });

  it("serves where its own job brought it, whatever failed afterwards", async () => {
    server.state = servingState({ serving: servingRecord({ sequence: 4 }) });
    expect(await restored()).to.equal("failed");
    expect(context.told.at(-1)).to.contain("names the release that serves now");
    expect(await readFile(pulumi.stackFile, "utf8"))
      .to.contain(`v1.0.0@${COMMIT}`)
      .and.not.to.contain("rollback");
  });
});
