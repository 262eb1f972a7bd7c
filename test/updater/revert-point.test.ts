import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { JobContext } from "../../updater/steps/step.ts";
import {
  databaseAfterRevert,
  restoreDatabase,
  takeRevertPoint,
} from "../../updater/steps/revert-point.ts";
import { outdatedCopies, removableCopies } from "../../updater/steps/sweep-data.ts";
import type { FakeDriver } from "./fake-driver.ts";
import { applied, DATABASE, ledgerRecord, makeContext, switchPlan } from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

type Context = JobContext & { driver: FakeDriver };

describe("the revert point of the database", () => {
  const temporary = useTemporaryDirectory();
  const previous = ledgerRecord();

  /** A job at the step behind J7. */
  async function taken(pending: number[] = [3]): Promise<Context> {
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    context.driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2) };
    const { job } = context;
    await job.record({ type: "done", step: "J1", facts: { pending } });
    await job.record({ type: "done", step: "J6", facts: { stoppedAt: Date.now() } });
    await job.record({ type: "done", step: "J7", facts: await takeRevertPoint(context) });
    return context;
  }

  const copyOf = ({ job }: Context): string => `chatalot_before_${job.sequence}`;
  const asideOf = ({ job }: Context): string => `chatalot_failed_${job.sequence}`;

  function migrate({ driver }: Context): void {
    driver.currentDatabase = { identity: { ...DATABASE, oid: "20000" }, applied: applied(1, 2, 3) };
  }

  it("is a copy, taken only where migrations are to come", async () => {
    const context = await taken();
    expect(context.driver.calls).to.deep.equal([`copyTo ${copyOf(context)}`]);
    expect((await taken([])).driver.calls).to.deep.equal([]);
  });

  it("takes the place of a database that was migrated; the failed one gets another name", async () => {
    const context = await taken();
    migrate(context);
    const facts = await restoreDatabase(context);
    expect(facts).to.deep.equal({
      swapped: true,
      database: { ...DATABASE, oid: "20000" },
      failedDatabase: asideOf(context),
    });
    expect(context.driver.databaseTools.databases).to.include(asideOf(context));
    await context.job.record({ type: "done", step: "R2", facts });
    expect(databaseAfterRevert(context.job)).to.deep.equal({ ...DATABASE, oid: "20000" });
  });

  it("is used where a migration changed the tables and left no row", async () => {
    const context = await taken();
    context.driver.databaseTools.schema = "schema 2";
    expect(await restoreDatabase(context)).to.include({ swapped: true });
  });

  it("is not used where nothing changed: the database is not touched at all", async () => {
    const context = await taken();
    expect(await restoreDatabase(context)).to.deep.equal({ swapped: false });
    expect(context.driver.calls).to.deep.equal([`copyTo ${copyOf(context)}`]);
  });

  it("is not looked for where the job never came to it", async () => {
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    await context.job.record({ type: "begun", step: "J7" });
    expect(await restoreDatabase(context)).to.deep.equal({ swapped: false });
  });

  it("is not waited for where its job was killed: what still copies is ended first", async () => {
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    const { driver, job } = context;
    await job.record({ type: "begun", step: "J7" });
    driver.isDatabaseRunning = true;
    driver.databaseTools.isCopying = true;
    expect(await restoreDatabase(context)).to.deep.equal({ swapped: false });
    expect(driver.calls).to.deep.equal(["endCopying"]);
    driver.databaseTools.faultOfEnd = "the database's container does not run";
    expect(await restoreDatabase(context)).to.deep.equal({ swapped: false });
  });

  it("is put back once, however often the way back is interrupted", async () => {
    const context = await taken();
    migrate(context);
    const first = await restoreDatabase(context);
    // The old database has no row of the new migration any more.
    context.driver.currentDatabase = {
      identity: { ...DATABASE, oid: "20000" },
      applied: applied(1, 2),
    };
    expect(await restoreDatabase(context)).to.deep.equal(first);
  });

  it("waits for a database that was ended, by starting it", async () => {
    const context = await taken();
    migrate(context);
    context.driver.databaseInVolume = context.driver.currentDatabase;
    context.driver.currentDatabase = undefined;
    expect(await restoreDatabase(context)).to.include({ swapped: true });
    expect(context.driver.calls).to.include(
      `startDatabase ${temporary("releases", "aaaaaaaaaaaa-1")}`,
    );
  });

  it("starts the database by the old release's file where the new server was being started", async () => {
    const context = await taken();
    await context.job.record({ type: "begun", step: "J8" });
    context.driver.databaseInVolume = context.driver.currentDatabase;
    context.driver.currentDatabase = undefined;
    expect(await restoreDatabase(context)).to.deep.equal({ swapped: false });
    expect(context.driver.calls).to.include(
      `startDatabase ${temporary("releases", "aaaaaaaaaaaa-1")} made anew`,
    );
  });

  it("opens a database that a killed exchange of names left closed", async () => {
    const context = await taken();
    migrate(context);
    const closed = context.driver.currentDatabase;
    context.driver.currentDatabase = undefined;
    context.driver.databaseTools.whenOpened = () => {
      context.driver.currentDatabase = closed;
    };
    expect(await restoreDatabase(context)).to.include({ swapped: true });
  });

  it("is no way back while the database does not answer", async () => {
    const context = await taken();
    context.driver.currentDatabase = undefined;
    expect((await errorOf(() => restoreDatabase(context))).message).to.contain("does not answer");
  });

  it("keeps uploads that the older database does not know", async () => {
    const context = await taken();
    migrate(context);
    const volume = temporary("volume");
    await mkdir(join(volume, "ab"), { recursive: true });
    await writeFile(join(volume, "ab", "new"), "an upload");
    context.driver.volume = volume;
    await restoreDatabase(context);
    const kept = join(context.paths.setAside, String(context.job.sequence).padStart(6, "0"));
    expect(await readFile(join(kept, "ab", "new"), "utf8")).to.equal("an upload");
  });
});

describe("retention of the database's copies", () => {
  const records = [
    ledgerRecord({ sequence: 1 }),
    ledgerRecord({ sequence: 2 }),
    ledgerRecord({ sequence: 3, outcome: "reverted" }),
    ledgerRecord({ sequence: 4, outcome: "reverted" }),
  ];
  const names = [
    ...["postgres", "chatalot", "chatalot_before_1", "chatalot_before_2", "chatalot_before_3"],
    ...["chatalot_failed_3", "chatalot_failed_4", "chatalot_before_the_flood", "other_before_1"],
  ];

  it("keeps the newest points of committed jobs and the newest failed one", () => {
    expect(outdatedCopies(names, "chatalot", { records }, 1)).to.have.members([
      "chatalot_before_1",
      "chatalot_before_3",
      "chatalot_failed_3",
    ]);
    expect(outdatedCopies(names, "chatalot", { records }, 0)).to.include("chatalot_before_2");
  });

  it("keeps the point of a job that needed a person, whatever ends after it", () => {
    const waiting = [...records, ledgerRecord({ sequence: 5, outcome: "needs-operator" })];
    const later = [...waiting, ledgerRecord({ sequence: 6 }), ledgerRecord({ sequence: 7 })];
    const there = [...names, "chatalot_before_5", "chatalot_before_6", "chatalot_before_7"];
    for (const all of [waiting, later])
      expect(outdatedCopies(there, "chatalot", { records: all }, 1)).not.to.include(
        "chatalot_before_5",
      );
  });

  it("keeps what was put aside when a job was taken back that a person had let go", () => {
    const reopened = [
      ...records.filter(({ sequence }) => sequence !== 3),
      ledgerRecord({ sequence: 3, outcome: "reverted", reopenings: 1 }),
    ];
    const outdated = outdatedCopies(names, "chatalot", { records: reopened }, 1);
    expect(outdated).not.to.include("chatalot_failed_3");
  });

  it("keeps what no job of the ledger has made: it is of an earlier life of the server", () => {
    const others = ["left_5", "before_5", "failed_5", "next_5"].map((name) => `chatalot_${name}`);
    for (const later of [
      [],
      [ledgerRecord({ sequence: 5, kind: "backup" })],
      [ledgerRecord({ sequence: 5, outcome: "untouched" })],
    ]) {
      const all = { records: [...records, ...later] };
      const outdated = outdatedCopies([...names, ...others], "chatalot", all, 0);
      expect(outdated).to.not.include("chatalot_before_5");
      expect(outdated).to.not.include("chatalot_failed_5");
      // The newest one of its own stays beside it.
      expect(outdated).to.not.include("chatalot_failed_4");
      expect(outdated).to.include("chatalot_failed_3");
    }
    const outdated = outdatedCopies([...names, ...others], "chatalot", { records }, 0);
    expect(outdated).to.not.include("chatalot_next_5");
  });

  it("removes half-removed ones of its own, and nobody else's", () => {
    const invalid = ["chatalot_before_2", "chatalot_left_2", "chatalot_next_3", "other_before_1"];
    expect(removableCopies([...invalid, "chatalot"], "chatalot")).to.have.members([
      "chatalot_next_3",
      "chatalot_before_2",
    ]);
  });

  it("never names the live database or one that this tool did not name", () => {
    const given = outdatedCopies(names, "chatalot", { records }, 0);
    for (const name of ["chatalot", "postgres", "chatalot_before_the_flood", "other_before_1"])
      expect(given).to.not.include(name);
  });
});
