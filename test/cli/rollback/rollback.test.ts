import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { parse } from "yaml";
import { rollback, type RollbackOptions } from "../../../cli/rollback.ts";
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import { FakeServer } from "../../provider/support/fake-server.ts";
import { listeningContext, servingRecord, servingState } from "../../provider/support/samples.ts";
import { commitOf, instanceHistory, pastJob, wayBack } from "../history/samples.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const RELEASE = { name: "v1", commit: commitOf(1) };

describe("chatalot rollback", () => {
  const openTransport = RemoteServer.openTransport;
  const pulumi = new FakePulumi();
  let server: FakeServer;

  beforeEach(async () => {
    await pulumi.arrive("config:\n  chatalot-deploy:release: v3\n");
    await pulumi.configuredAs({ release: "v3", server: { host: "chat.example.org" } });
    await pulumi.answers("stack", 'test "$2" = history && echo "[]" || echo prod');
    await pulumi.answers("preview", 'cat "$3" > ../seen');
    server = new FakeServer();
    const { serving: _, ...state } = servingState();
    server.state = state;
    server.history = instanceHistory({
      jobs: [1, 2].map((sequence) => pastJob(sequence)),
      waysBack: [wayBack(1, { missing: ["005 channels"] })],
    });
    await server.arrive();
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  /** The settings that pulumi's preview was given. */
  const previewed = async (options: RollbackOptions): Promise<Record<string, unknown>> => {
    const wanted = { to: "1", preview: true, ...options };
    expect(await rollback(undefined, wanted, listeningContext(), undefined)).to.equal("previewed");
    return (parse(await readFile("../seen", "utf8")) as { config: Record<string, unknown> }).config;
  };

  it("undoes migrations where nothing serves, too", async () => {
    const settings = await previewed({ database: "undo-scripts", scripts: "/undo" });
    expect(settings["chatalot-deploy:release"]).to.equal(`v1@${commitOf(1)}`);
    expect(settings["chatalot-deploy:rollback"]).to.deep.equal({
      ...{ database: "undo-scripts", job: 0, scripts: "/undo" },
    });
  });

  it("undoes what the job that serves has brought", async () => {
    server.state = servingState();
    server.history.serving = 2;
    const settings = await previewed({ database: "undo-scripts", scripts: "/undo" });
    expect(settings["chatalot-deploy:rollback"]).to.have.property("job", 2);
  });

  it("has failed where an earlier update of the release that serves was taken back", async () => {
    server.state = servingState({
      serving: servingRecord({ sequence: 2, release: { ...RELEASE, migrations: [] } }),
    });
    server.history = instanceHistory({
      jobs: [1, 2].map((sequence) => pastJob(sequence, { release: RELEASE })),
      ...{ waysBack: [wayBack(1)], serving: 2 },
    });
    await pulumi.answers("up", "exit 1");
    const before = await readFile(pulumi.stackFile, "utf8");
    const context = listeningContext();
    const result = await rollback(undefined, { to: "1", yes: true }, context, undefined);
    expect(result).to.equal("failed");
    expect(context.told.at(-1)).to.equal("Pulumi.prod.yaml is as it was before.");
    expect(await readFile(pulumi.stackFile, "utf8")).to.equal(before);
  });
});
