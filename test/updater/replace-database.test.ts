import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { collect } from "../../updater/backup-files/collect.ts";
import {
  type BackupManifest,
  manifestText,
  readBackup,
  removeBackup,
  takeBackup,
} from "../../updater/backups.ts";
import { closeJob } from "../../updater/close.ts";
import { nameExists } from "../../updater/files.ts";
import { Ledger } from "../../updater/ledger.ts";
import { instancePaths } from "../../updater/paths.ts";
import { neededScripts } from "../../updater/steps/choose-database.ts";
import { checkUpdate, replacementOf } from "../../updater/steps/check-update.ts";
import { makeReplacement, replacedIdentity } from "../../updater/steps/replace-database.ts";
import {
  databaseAfterRevert,
  restoreDatabase,
  takeRevertPoint,
} from "../../updater/steps/revert-point.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { outdatedCopies } from "../../updater/steps/sweep-data.ts";
import { SWITCH_STEPS } from "../../updater/steps/switch.ts";
import type { DatabaseWay } from "../../updater/protocol.ts";
import { container, type FakeDriver } from "./fake-driver.ts";
import {
  applied,
  DATABASE,
  ledgerRecord,
  makeContext,
  NEW_COMMIT,
  OLD_COMMIT,
  release,
  servingRecord,
  switchPlan,
} from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

type Context = JobContext & { driver: FakeDriver };

describe("a rollback over migrations", () => {
  const temporary = useTemporaryDirectory();
  const older = ledgerRecord({
    sequence: 1,
    release: release(OLD_COMMIT, [1, 2]),
    serving: servingRecord(OLD_COMMIT),
  });
  const previous = ledgerRecord({
    sequence: 2,
    release: release(NEW_COMMIT, [1, 2, 3]),
    serving: { ...servingRecord(NEW_COMMIT), applied: applied(1, 2, 3) },
  });

  /** A job back to the older release, with a copy and a backup from before job 2. */
  async function ready(databaseWay: DatabaseWay): Promise<Context> {
    const plan = switchPlan({ previous, release: release(OLD_COMMIT, [1, 2]) });
    if (plan.target !== undefined)
      plan.target = { ...plan.target, databaseWay, image: `chatalot:${OLD_COMMIT}` };
    const context = await makeContext(temporary(), plan, [older, previous]);
    const { driver, paths } = context;
    driver.images.set(`chatalot:${OLD_COMMIT}`, { id: "sha256:x", commit: OLD_COMMIT });
    driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2, 3) };
    driver.current = container(NEW_COMMIT);
    driver.volume = temporary("files");
    await mkdir(driver.volume);
    driver.databaseTools.databases.push("chatalot_before_2");
    driver.databaseTools.dumped.content = { applied: applied(1, 2), rows: {} };
    await takeBackup(paths, "000002-20240101T000000Z", async (file) => {
      await writeFile(file, "dump");
      return {
        ...{ format: 1, sequence: 2, instanceId: "instance" },
        ...{ takenAt: "2024-01-01T00:00:00Z", databaseSize: 1_000 },
        release: { name: "v1.0.0", commit: OLD_COMMIT },
        dump: driver.databaseTools.dumped,
        proof: { restoredAt: "2024-01-01T00:00:00Z" },
      };
    });
    return context;
  }

  async function run(context: Context, step: string, work: () => Promise<unknown>): Promise<void> {
    const facts = (await work()) as Record<string, unknown>;
    await context.job.record({ type: "done", step, facts });
  }

  /** As after J7. */
  async function replaced(databaseWay: DatabaseWay): Promise<Context> {
    const context = await ready(databaseWay);
    await run(context, "J1", () => checkUpdate(context));
    await run(context, "J5a", () => makeReplacement(context));
    context.driver.currentDatabase = {
      identity: { ...DATABASE, oid: "9" },
      applied: applied(1, 2),
    };
    await run(context, "J7", () => takeRevertPoint(context));
    return context;
  }

  const databaseCalls = ({ driver }: Context): string[] =>
    driver.calls.filter((call) => /^(copyTo|restoreTo|undo|putBack|dropCopy)/.test(call));

  it("is no part of a switch that was not asked for it", async () => {
    const context = await ready("backup");
    const step = SWITCH_STEPS.find(({ id }) => id === "J5a");
    expect(step?.isNeeded?.(context)).to.equal(false);
    await run(context, "J1", () => checkUpdate(context));
    expect(step?.isNeeded?.(context)).to.equal(true);
  });

  for (const [way, name, made] of [
    ["revert-point", "chatalot_before_2", "copyTo chatalot_next_3 from chatalot_before_2"],
    ["backup", "000002-20240101T000000Z", "restoreTo chatalot_next_3"],
  ] as const)
    it(`makes the database beside the live one and swaps by names: ${way}`, async () => {
      const context = await replaced(way);
      expect(databaseCalls(context)).to.deep.equal([
        "dropCopy chatalot_next_3",
        made,
        "putBack chatalot_next_3",
      ]);
      expect(context.driver.databaseTools.databases).to.include("chatalot_left_3");
      expect(replacedIdentity(context.job)?.oid).to.equal("9");
      await closeJob(context, "done", { serving: servingRecord(OLD_COMMIT) });
      const record = (await Ledger.read(context.paths)).last;
      expect(record?.replacement).to.deep.include({ way, name, left: "chatalot_left_3" });
    });

  for (const name of ["before_3", "failed_3", "left_3", "next_3"])
    it(`is refused where a database has a name of the job's own: ${name}`, async () => {
      const context = await ready("backup");
      context.driver.databaseTools.databases.push(`chatalot_${name}`);
      const { message } = await errorOf(() => checkUpdate(context));
      expect(message).to.equal(
        `there is a database chatalot_${name} already, which is not of this job and stays as it is. Try ` +
          "again: the next job takes another number",
      );
    });

  it("is not refused for what an attempt made that was killed", async () => {
    const context = await ready("backup");
    await run(context, "J1", () => checkUpdate(context));
    await context.job.record({ type: "begun", step: "J5a" });
    await makeReplacement(context);
    await checkUpdate(context);
  });

  it("ends the copying of an attempt that was killed before it copies again", async () => {
    const context = await ready("revert-point");
    await run(context, "J1", () => checkUpdate(context));
    context.driver.databaseTools.isCopying = true;
    context.driver.calls.splice(0);
    await run(context, "J5a", () => makeReplacement(context));
    expect(context.driver.calls.slice(0, 3)).to.deep.equal([
      ...["endCopying", "dropCopy chatalot_next_3"],
      "copyTo chatalot_next_3 from chatalot_before_2",
    ]);
  });

  it("stops before anything is touched where the copy is not what it should be", async () => {
    const context = await ready("revert-point");
    await run(context, "J1", () => checkUpdate(context));
    context.driver.databaseTools.contents.set("chatalot_next_3", { applied: applied(1), rows: {} });
    const { message } = await errorOf(async () => makeReplacement(context));
    expect(message).to.match(/^the revert-point chatalot_before_2, of \S+ can't be used: its list/);
    expect(context.driver.databaseTools.databases).to.not.include("chatalot_next_3");
  });

  it("stops where the dump does not restore to what was dumped", async () => {
    const context = await ready("backup");
    await run(context, "J1", () => checkUpdate(context));
    context.driver.databaseTools.lossOfDump = "table messages is missing";
    const { message } = await errorOf(async () => makeReplacement(context));
    expect(message).to.contain("table messages is missing");
  });

  it("is refused where nothing of that way fits", async () => {
    const context = await ready("revert-point");
    if (context.job.plan.release !== undefined)
      context.job.plan.release.migrations = release(OLD_COMMIT, [1]).migrations;
    const { message } = await errorOf(async () => checkUpdate(context));
    expect(message).to.contain("there is no revert-point that v1.0.0 can start on");
    expect(message).to.contain("chatalot_before_2 have migrations that it does not know");
  });

  describe("by undo scripts", () => {
    async function undoing(...versions: number[]): Promise<Context> {
      const context = await ready("undo-scripts");
      const { target } = context.job.plan;
      if (target !== undefined)
        target.undoScripts = versions.map((version) => ({ version, sql: `UNDO ${version}` }));
      await context.job.record({
        ...{ type: "done", step: "J4" },
        facts: { name: "000002-20240101T000000Z" },
      });
      return context;
    }

    it("tries them on a restored copy, then runs them on a copy of the stopped database", async () => {
      const context = await undoing(3, 9);
      await run(context, "J1", () => checkUpdate(context));
      await run(context, "J5a", () => makeReplacement(context));
      await run(context, "J7", () => takeRevertPoint(context));
      expect(databaseCalls(context)).to.deep.equal([
        "dropCopy chatalot_next_3",
        "restoreTo chatalot_next_3",
        "undo 3 in chatalot_next_3: UNDO 3",
        "dropCopy chatalot_next_3",
        "dropCopy chatalot_next_3",
        "copyTo chatalot_next_3",
        "undo 3 in chatalot_next_3: UNDO 3",
        "putBack chatalot_next_3",
      ]);
    });

    it("runs the newest migration's first", async () => {
      const context = await undoing(1, 2, 3);
      if (context.job.plan.release !== undefined) context.job.plan.release.migrations = [];
      expect(neededScripts(context, applied(1, 2, 3)).map(({ sql }) => sql)).to.deep.equal([
        ...["UNDO 3", "UNDO 2", "UNDO 1"],
      ]);
    });

    it("is refused where one is missing", async () => {
      const lacking = await undoing();
      const { message } = await errorOf(async () => checkUpdate(lacking));
      expect(message).to.contain("there is no undo script for 003 step");
    });

    it("stops before anything is touched where what comes out is not as it should be", async () => {
      const context = await undoing(3);
      await run(context, "J1", () => checkUpdate(context));
      const left = { applied: applied(1, 2, 3), rows: {} };
      context.driver.databaseTools.contents.set("chatalot_next_3", left);
      const { message } = await errorOf(async () => makeReplacement(context));
      expect(message).to.contain("a copy with the undo scripts applied can't be used");
    });
  });

  it("puts the live one back by its name when the older release fails", async () => {
    const context = await replaced("backup");
    const facts = await restoreDatabase(context);
    expect(facts).to.include({ swapped: true, failedDatabase: "chatalot_failed_3" });
    expect(databaseCalls(context).at(-1)).to.equal("putBack chatalot_left_3");
    await context.job.record({ type: "done", step: "R2", facts });
    expect(databaseAfterRevert(context.job)).to.not.equal(undefined);
  });

  it("touches nothing on the way back where the swap had not come", async () => {
    const context = await ready("backup");
    await run(context, "J1", () => checkUpdate(context));
    await run(context, "J5a", () => makeReplacement(context));
    expect(await restoreDatabase(context)).to.deep.equal({ swapped: false });
    expect(databaseCalls(context).filter((call) => call.startsWith("putBack"))).to.deep.equal([]);
  });

  it("sets newer uploads aside, and puts those back that a database knows which was left", async () => {
    const context = await ready("revert-point");
    const { driver, paths, job } = context;
    driver.databaseTools.databases.push("chatalot_left_2");
    driver.databaseTools.databases = driver.databaseTools.databases.filter(
      (name) => name !== "chatalot_before_2",
    );
    const aside = `${paths.setAside}/000002/of-then`;
    await mkdir(dirname(aside), { recursive: true });
    await writeFile(aside, "then");
    await writeFile(temporary("files", "newer"), "newer");
    await run(context, "J1", () => checkUpdate(context));
    await run(context, "J5a", () => makeReplacement(context));
    await run(context, "J7", () => takeRevertPoint(context));
    expect(await nameExists(`${paths.setAside}/00000${job.sequence}/newer`)).to.equal(true);
    expect(await nameExists(temporary("files", "of-then"))).to.equal(true);
  });

  describe("by a backup that has uploads", () => {
    const NAME = "000002-20240101T000000Z";

    /** The backup has "one" and "two"; the chat has another "one", no "two", and "newer". */
    async function withUploads(): Promise<Context> {
      const context = await ready("backup");
      const { paths, driver } = context;
      await removeBackup(paths, NAME);
      await writeFile(temporary("files", "one"), "of the backup");
      await writeFile(temporary("files", "two"), "second");
      await takeBackup(paths, NAME, async (file, folder) => {
        await writeFile(file, "dump");
        const list = await collect([{ path: "uploads", folder: temporary("files") }], folder);
        const text = JSON.stringify(list);
        await writeFile(join(folder, "files.json"), text);
        return {
          ...{ format: 1, sequence: 2, instanceId: "instance" },
          // Taken by a clock that was years ahead.
          ...{ takenAt: "2094-01-01T00:00:00Z", databaseSize: 1_000 },
          release: { name: "v1.0.0", commit: OLD_COMMIT },
          dump: driver.databaseTools.dumped,
          proof: { restoredAt: "2024-01-01T00:00:00Z" },
          files: {
            ...{ count: 2, size: 19, listSize: text.length },
            listSha256: createHash("sha256").update(text).digest("hex"),
          },
        };
      });
      await rm(temporary("files", "two"));
      await rm(temporary("files", "one"));
      await writeFile(temporary("files", "one"), "of now");
      await writeFile(temporary("files", "newer"), "newer");
      await run(context, "J1", () => checkUpdate(context));
      await run(context, "J5a", () => makeReplacement(context));
      return context;
    }

    const file = (name: string): Promise<string> => readFile(temporary("files", name), "utf8");
    const swapped = async (context: Context): Promise<void> => {
      await run(context, "J7", () => takeRevertPoint(context));
    };

    it("replaces none while the chat serves, and adds what is missing", async () => {
      const { paths } = await withUploads();
      expect(await file("one")).to.equal("of now");
      expect(await file("two")).to.equal("second");
      expect(await nameExists(paths.setAside)).to.equal(false);
    });

    it("keeps what it replaces, and all that the backup does not know, whatever the clock", async () => {
      const context = await withUploads();
      await swapped(context);
      expect(await file("one")).to.equal("of the backup");
      const kept = `${context.paths.setAside}/00000${context.job.sequence}`;
      expect((await readdir(kept)).sort()).to.deep.equal(["newer", "one"]);
      expect(await readFile(join(kept, "one"), "utf8")).to.equal("of now");
    });

    it("puts them back when the older release fails, before or after the swap", async () => {
      for (const fails of [false, true]) {
        const context = await withUploads();
        const tools = context.driver.databaseTools;
        const putBack = tools.putBack.bind(tools);
        if (fails) tools.putBack = () => Promise.reject(new Error("it is killed"));
        await (fails ? errorOf(() => swapped(context)) : swapped(context));
        tools.putBack = putBack;
        expect(await file("one")).to.equal("of the backup");
        await rm(temporary("files", "newer"));
        for (let round = 0; round < 2; round += 1) await restoreDatabase(context);
        expect(await file("one")).to.equal("of now");
        expect(await file("newer")).to.equal("newer");
        await rm(temporary(), { recursive: true });
        await mkdir(temporary());
      }
    });

    it("gives the database back also where the uploads can't be put back", async () => {
      const context = await withUploads();
      await swapped(context);
      await rm(temporary("files"), { recursive: true });
      await symlink("/nowhere", temporary("files"));
      expect(await restoreDatabase(context)).to.include({ swapped: true });
      await context.progress.flushed();
      expect(await readFile(context.job.paths.progress, "utf8")).to.contain(
        "not all uploads could be put back",
      );
    });
  });

  it("puts replaced uploads back with the database that a rollback left", async () => {
    const context = await ready("revert-point");
    const { driver, paths } = context;
    driver.databaseTools.databases = ["chatalot", "chatalot_left_2"];
    await mkdir(`${paths.setAside}/000002`, { recursive: true });
    await writeFile(`${paths.setAside}/000002/one`, "of then");
    await writeFile(temporary("files", "one"), "of the backup");
    await run(context, "J1", () => checkUpdate(context));
    await run(context, "J5a", () => makeReplacement(context));
    await run(context, "J7", () => takeRevertPoint(context));
    expect(await readFile(temporary("files", "one"), "utf8")).to.equal("of then");
    const kept = `${paths.setAside}/00000${context.job.sequence}/one`;
    expect(await readFile(kept, "utf8")).to.equal("of the backup");
    expect(await readdir(temporary("files"))).to.deep.equal(["one"]);
  });

  describe("by a backup that is named", () => {
    const NAME = "000002-20240101T000000Z";

    async function named(backup = NAME): Promise<Context> {
      const context = await ready("backup");
      if (context.job.plan.target !== undefined) context.job.plan.target.databaseBackup = backup;
      return context;
    }

    it("takes that one, whether it is proven or not", async () => {
      const context = await named();
      await writeFile(
        join(context.paths.backups, NAME, "manifest.json"),
        manifestText(await manifestWithout(context, "proof")),
      );
      await run(context, "J1", () => checkUpdate(context));
      expect(replacementOf(context.job)).to.include({ way: "backup", name: NAME });
      await run(context, "J5a", () => makeReplacement(context));
      expect((await readBackup(context.paths, NAME))?.manifest).to.have.property("proof");
    });

    it("takes none that is gone", async () => {
      const gone = await named("000009-20240101T000000Z");
      expect((await errorOf(() => checkUpdate(gone))).message).to.contain(
        "there is no backup 000009",
      );
    });

    it("takes none that is damaged, or has migrations that the release doesn't know", async () => {
      const damage = { foundAt: "2024-02-01T00:00:00Z", what: "its dump is cut" };
      const context = await named();
      const file = join(context.paths.backups, NAME, "manifest.json");
      const manifest = await manifestWithout(context, "proof");
      await writeFile(file, manifestText({ ...manifest, damage }));
      expect((await errorOf(() => checkUpdate(context))).message).to.contain(
        `the backup ${NAME} is damaged, found 2024-02-01T00:00:00Z: its dump is cut`,
      );
      const content = { applied: applied(1, 2, 7), rows: {} };
      await writeFile(file, manifestText({ ...manifest, dump: { ...manifest.dump, content } }));
      expect((await errorOf(() => checkUpdate(context))).message).to.match(
        /can't start on the backup \S+, which has 007 /,
      );
    });

    it("starts the database of a server on which nothing has served yet", async () => {
      const context = await named();
      const { driver } = context;
      const first = { ...context, ledger: await Ledger.read(instancePaths(temporary("new"))) };
      driver.currentDatabase = undefined;
      driver.databaseInVolume = { identity: DATABASE, applied: [] };
      await run(first, "J1", () => checkUpdate(first));
      expect(replacementOf(first.job)).to.include({ name: NAME });
      driver.currentDatabase = undefined;
      await run(first, "J5a", () => makeReplacement(first));
      expect(driver.calls.filter((call) => /^(start|restoreTo)/.test(call))[0]).to.match(
        /^startDatabase /,
      );
      expect(databaseCalls(first)).to.include("restoreTo chatalot_next_3");
    });

    async function manifestWithout({ paths }: Context, member: "proof"): Promise<BackupManifest> {
      const found = await readBackup(paths, NAME);
      if (found === undefined) throw new Error("it is gone");
      const { [member]: _, ...rest } = found.manifest;
      return rest;
    }
  });

  it("leaves no half-made database behind, and never removes one that a rollback left", () => {
    const names = ["chatalot", "chatalot_next_3", "chatalot_left_1", "chatalot_left_2"];
    const records = [older, previous, ledgerRecord({ sequence: 3, outcome: "untouched" })];
    const outdated = outdatedCopies(names, "chatalot", { records }, 0);
    expect(outdated).to.deep.equal(["chatalot_next_3"]);
  });
});
