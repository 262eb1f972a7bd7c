import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Wire } from "../../provider/codec.ts";
import { deployment } from "../../provider/deployment.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { WayBack } from "../../updater/history-protocol.ts";
import type {
  DatabaseWay,
  LedgerRecord,
  OpenJob,
  ServerState,
  ServingRecord,
} from "../../updater/protocol.ts";
import { expectColumns } from "./support/columns.ts";
import { FakeServer } from "./support/fake-server.ts";
import { state as fullState } from "./support/full-answers.ts";
import { servingRecord as servingOf } from "../updater/samples.ts";
import {
  applied,
  COMMIT,
  deploymentInputs,
  listeningContext,
  NEWER,
  migrations,
  reasons,
  servingRecord,
  servingState,
} from "./support/samples.ts";

const OLDS: Wire = { ...deploymentInputs(), instanceId: "instance-a" };

/** A release that knows the first of the two migrations. */
const OLDER: Wire = { release: "v0.9.0", migrations: { "001_users.sql": "a".repeat(96) } };

/** The record of job 3, with what serves since. */
function recordOf(changes: Partial<ServingRecord>): LedgerRecord {
  const serving = fullState.serving?.serving;
  if (serving === undefined) throw new Error("the sample serves");
  return servingRecord({ serving: { ...serving, ...changes } });
}

describe("a release that lacks migrations of the database, in a preview", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    server.state = servingState();
    await server.arrive();
  });
  afterEach(() => server.leave(original));

  async function check(ways: DatabaseWay[], changes: Wire = {}) {
    const databases = ways.map((way) => ({
      way,
      name: `a-${way}`,
      sequence: 2,
      at: "2026-03-01T02:00:00Z",
    }));
    const release = { name: "v0.9.0", commit: COMMIT };
    const found: WayBack = { release, missing: [], pending: [], databases };
    server.history = { ...server.history, waysBack: [found] };
    const context = listeningContext();
    const inputs = deploymentInputs({ ...OLDER, ...changes });
    const [reason = "", ...more] = reasons(await deployment.check(context, OLDS, inputs));
    expect(more).to.deep.equal([]);
    expectColumns(context.told);
    return { reason, told: context.told.join("\n"), warnings: context.warnings.join("\n") };
  }

  it("is refused with what to choose: stay, forward, and each way back that works", async () => {
    const { reason } = await check(["backup", "backup", "revert-point"]);
    expect(reason)
      .to.contain("does not know 1 applied migration: 002 first messages. Nothing was changed")
      .and.contain("stay: pulumi config set release v1.0.0")
      .and.contain("back: npx chatalot rollback --to v0.9.0 --database backup")
      .and.contain("--database revert-point");
    expect(reason.match(/--database backup/g)).to.have.length(1);
  });

  it("says that there is no way back where nothing is kept", async () => {
    expect((await check([])).reason).to.contain("no database of that time is kept");
  });

  it("points to the history where the server knows nothing of the release", async () => {
    const context = listeningContext();
    const [reason] = reasons(await deployment.check(context, OLDS, deploymentInputs(OLDER)));
    expect(reason).to.contain("npx chatalot history").and.not.contain("is kept");
  });

  it("is taken with a way that was chosen for what serves, and says what it gets", async () => {
    const { reason, told } = await check(["backup"], { rollback: { way: "backup", job: 3 } });
    expect(reason).to.equal("");
    expect(told).to.match(
      /^GO BACK {2}v0\.9\.0 .*\sof\s+2026-03-01T02:00:00Z\s+\(backup\s+a-backup\)/m,
    );
  });

  it("is refused with a way that has nothing that fits, and names the other", async () => {
    const { reason } = await check(["backup"], { rollback: { way: "revert-point", job: 3 } });
    expect(reason).to.contain("no revert-point that v0.9.0 can start on").and.contain("backup");
  });

  it("is refused with a way that was chosen for an earlier job, which is told", async () => {
    const { reason, warnings } = await check(["backup"], { rollback: { way: "backup", job: 2 } });
    expect(reason).to.contain("Choose:");
    expect(warnings).to.contain("it was for job 2, and job 3 brought what serves");
  });

  describe("with undo scripts", () => {
    let folder: string;
    before(async () => (folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-undo-"))));
    after(() => rm(folder, { recursive: true, force: true }));
    const rollback = () => ({ way: "undo-scripts", job: 3, scripts: folder });

    it("is refused where one is missing, by name", async () => {
      const { reason } = await check([], { rollback: rollback() });
      expect(reason).to.contain(`no undo script in ${folder} for 002 first messages`);
    });

    it("is taken where all are there, and sends those that are needed and no others", async () => {
      await writeFile(join(folder, "001_users.sql"), "DROP TABLE users;");
      await writeFile(join(folder, "002_first_messages.down.sql"), "DROP TABLE messages;");
      const { reason, told } = await check([], { rollback: rollback() });
      expect(reason).to.equal("");
      expect(told.replaceAll(/\s+/g, " ")).to.contain(
        "with the undo scripts for 002 first messages applied",
      );
      server.answer = { answer: "unchanged", instanceId: "instance-a" };
      const inputs = deploymentInputs({ ...OLDER, rollback: rollback() });
      await deployment.update(listeningContext(), OLDS, inputs);
      expect(server.requests[0]).to.deep.include({
        database: {
          ...{ way: "undo-scripts", job: 3 },
          scripts: [{ version: 2, sql: "DROP TABLE messages;" }],
        },
      });
    });
  });

  describe("while the job runs that gives it another database", () => {
    const [first] = applied;
    const ledger = { systemIdentifier: "7", oid: "16384" };
    const openJob: OpenJob = {
      ...{ sequence: 4, kind: "switch", requestedBy: "ada@desk", step: "J8" },
      openedAt: "2026-03-01T12:00:00Z",
    };

    /** The databases have changed their names; the ledger learns of it at the job's end. */
    function swapped(changes: Partial<ServerState> = {}): ServerState {
      return servingState({
        serving: recordOf({ database: ledger, applied }),
        database: {
          identity: { ...ledger, oid: "20000" },
          applied: first === undefined ? [] : [first],
          obstacle: "its sorting rules changed",
        },
        openJob,
        ...changes,
      });
    }

    for (const rollback of [
      { way: "backup", job: 3, backup: "000002-20260301T201500Z" },
      { way: "revert-point", job: 3 },
      { way: "undo-scripts", job: 3, scripts: "/nowhere" },
      undefined,
    ])
      it(`lets it be followed, with ${rollback?.way ?? "no way"} in the settings`, async () => {
        server.state = swapped();
        const { reason } = await check([], {
          commit: NEWER,
          ...(rollback === undefined ? {} : { rollback }),
        });
        expect(reason).to.equal("");
      });

    it("refuses beside a job that changes no database", async () => {
      server.state = swapped({ openJob: { ...openJob, kind: "backup" } });
      const inputs = deploymentInputs({ ...OLDER, commit: NEWER });
      const found = reasons(await deployment.check(listeningContext(), OLDS, inputs)).join();
      expect(found).to.contain("emptied or replaced").and.contain("can't be backed up");
    });
  });

  describe("where nothing serves, on the data of what did", () => {
    function removed(changes: Partial<ServerState> = {}): ServerState {
      const database = { systemIdentifier: "7", oid: "16384" };
      const lastServing = recordOf({ database, applied });
      const { serving: _, database: _stopped, ...state } = servingState({ lastServing });
      return { ...state, ...changes };
    }

    it("is refused before anything is started, with the release to begin with", async () => {
      server.state = removed();
      const { reason } = await check([], { commit: NEWER });
      expect(reason)
        .to.contain("does not know 1 applied migration: 002 first messages")
        .and.contain("stay: pulumi config set release v1.0.0")
        .and.contain("back: deploy v1.0.0 again first")
        .and.not.contain("is kept");
    });

    it("is refused another database, and another release while none can be backed up", async () => {
      const identity = { systemIdentifier: "8", oid: "1" };
      server.state = removed({ database: { identity, applied, obstacle: "its rules changed" } });
      const inputs = deploymentInputs({ commit: NEWER });
      const found = reasons(await deployment.check(listeningContext(), {}, inputs));
      expect(found).to.have.length(2);
      expect(found.join()).to.contain("emptied or replaced").and.contain("its rules changed");
    });
  });

  it("tells a backup that is put back onto an empty server as that, and not as a first release", async () => {
    const { serving: _, database: _none, ...empty } = servingState();
    server.state = empty;
    const context = listeningContext();
    const rollback = { way: "backup", job: 0, backup: "000002-20260301T201500Z" };
    await deployment.check(context, {}, deploymentInputs({ rollback }));
    expectColumns(context.told);
    expect(context.told.join("\n"))
      .to.match(/^RESTORE {2}v1\.0\.0 \(1111111\) gets/)
      .and.not.contain("DEPLOY");
    const first = listeningContext();
    await deployment.check(first, {}, deploymentInputs());
    expect(first.told.join("\n")).to.match(/^DEPLOY {3}v1\.0\.0 \(1111111\), the first/);
  });

  describe("whose database runs and does not answer", () => {
    const silent = (changes: Partial<ServerState> = {}): void => {
      const { database: _, ...state } = servingState({
        serving: recordOf({ applied }),
        ...changes,
      });
      server.state = { ...state, databaseIsSilent: true };
    };
    const refusals = async (changes: Wire = {}): Promise<string[]> =>
      reasons(await deployment.check(listeningContext(), OLDS, deploymentInputs(changes)));

    it("is refused as the job would refuse it, also where the release stays the same", async () => {
      silent();
      for (const changes of [{ release: "v1.1.0", commit: NEWER }, {}]) {
        const [reason, ...others] = await refusals(changes);
        expect(others).to.deep.equal([]);
        expect(reason)
          .to.match(
            /^The database runs but does not answer, so nothing is known of its migrations\./,
          )
          .and.contain("cd /srv/chatalot && docker compose restart postgres");
      }
    });

    it("is no cause where it is stopped, where nothing ever served, or beside a job", async () => {
      const { database: _, ...stopped } = servingState({ serving: recordOf({ applied }) });
      server.state = stopped;
      expect(await refusals()).to.deep.equal([]);
      const { serving: _serving, database: _database, ...first } = servingState();
      server.state = { ...first, databaseIsSilent: true };
      await server.nextRun();
      expect((await refusals()).join()).not.to.contain("does not answer");
      const openJob: OpenJob = {
        ...{ sequence: 4, kind: "backup", requestedBy: "ada@desk", step: "J5" },
        openedAt: "2026-03-01T12:00:00Z",
      };
      silent({ openJob });
      await server.nextRun();
      expect((await refusals()).join()).not.to.contain("does not answer");
    });
  });

  it("names system and oid of both where the database is another one, and the way on", async () => {
    const known = { systemIdentifier: "7", oid: "16384" };
    server.state = servingState({
      serving: {
        ...servingRecord(),
        serving: { ...servingOf(COMMIT), configurationDigest: "digest", database: known },
      },
      database: { identity: { ...known, oid: "16999" }, applied },
    });
    const { reason } = await check(["backup"], { release: "v1.0.0", migrations });
    expect(reason)
      .to.contain("(system 7, oid 16999, not system 7, oid 16384)")
      .and.to.contain('docs/recovery.md, "Restore the database"');
  });

  it("hands the way to the server's job, and keeps it out of the outputs", async () => {
    server.answer = { answer: "unchanged", instanceId: "instance-a" };
    const rollback = { way: "backup", job: 3 };
    const outputs = await deployment.update(
      listeningContext(),
      OLDS,
      deploymentInputs({ ...OLDER, rollback }),
    );
    expect(server.requests[0]).to.deep.include({ database: rollback });
    expect(outputs).not.to.have.property("rollback");
  });
});
