import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import {
  type Backup,
  type BackupManifest,
  dumpFile,
  listBackups,
  takeBackup,
} from "../../updater/backups.ts";
import { Job, type JobPlan } from "../../updater/job.ts";
import { Ledger } from "../../updater/ledger.ts";
import type { LedgerRecord, Verdict } from "../../updater/protocol.ts";
import { runOpenJob } from "../../updater/run.ts";
import { CHECK_BACKUPS_STEPS } from "../../updater/steps/check-backups.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import type { FakeDriver } from "./fake-driver.ts";
import { DATABASE, ledgerRecord, makeContext, switchPlan } from "./samples.ts";
import { useServerPrograms } from "./server-programs.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

type Context = JobContext & { driver: FakeDriver };

describe("jobs about backups", () => {
  const temporary = useTemporaryDirectory();
  useServerPrograms(temporary);
  const previous = ledgerRecord();

  async function open(
    plan: Partial<JobPlan>,
    records: readonly LedgerRecord[] = [previous],
  ): Promise<Context> {
    const { target: _, release: _release, ...base } = switchPlan({ previous });
    const context = await makeContext(temporary("chat"), { ...base, ...plan }, records);
    context.driver.currentDatabase = { identity: DATABASE, applied: [] };
    return context;
  }

  const take = (): Promise<Context> => open({ kind: "backup" });
  const check = (...backups: string[]): Promise<Context> =>
    open({ kind: "check-backups", backups });

  async function run({ driver, job, paths }: Context): Promise<Verdict> {
    await runOpenJob(paths.directory, () => driver);
    const verdict = (await Job.read(paths, job.sequence))?.closed?.verdict;
    if (verdict === undefined) throw new Error("it did not close");
    return verdict;
  }

  const lastRecord = async ({ paths }: Context): Promise<LedgerRecord | undefined> =>
    (await Ledger.read(paths)).last;

  /** A backup that somebody took earlier. */
  async function earlier(sequence: number, proven: boolean): Promise<Backup> {
    const { paths, driver } = await makeContext(temporary("other"));
    const place = { ...paths, backups: join(temporary("chat"), "backups") };
    return takeBackup(place, `00000${sequence}-20240101T000000Z`, async (file) => ({
      ...{ format: 1, sequence, instanceId: "instance", takenAt: "2024-01-01T00:00:00.000Z" },
      ...{ release: { name: "v1.0.0", commit: "a".repeat(40) }, databaseSize: 1_000 },
      dump: await driver.databaseTools.dump(file),
      ...(proven ? { proof: { restoredAt: "2024-01-01T00:00:00.000Z" } } : {}),
    }));
  }

  describe("a backup by hand", () => {
    it("is taken and always restored, and is in the ledger", async () => {
      await earlier(1, true);
      const context = await take();
      const verdict = await run(context);
      const [, backup] = await listBackups(context.paths);
      expect(verdict.outcome).to.equal("done");
      expect(verdict.text).to.match(/^TAKEN Backup 0000\d\d-\S+, 0\.0 MB, proven by a restore/);
      expect(verdict.serving).to.deep.include({ name: "v1.0.0" });
      expect(backup?.manifest).to.include({ kind: "manual", sequence: context.job.sequence });
      expect(backup?.manifest.release.name).to.equal("v1.0.0");
      expect(backup?.manifest.proof).to.not.equal(undefined);
      expect(context.driver.calls).to.deep.equal(["dump", "prove"]);
      expect(await lastRecord(context)).to.deep.include({
        ...{ kind: "backup", outcome: "done", requestedBy: "somebody@somewhere" },
        backup: { name: backup?.name, size: 11, proof: "restored" },
      });
    });

    it("changes nothing of what the ledger says is served, or was reverted", async () => {
      const context = await take();
      const before = await Ledger.read(context.paths);
      await run(context);
      const after = await Ledger.read(context.paths);
      expect(after.serving).to.deep.equal(before.serving);
      expect(after.lastServing).to.deep.equal(before.lastServing);
      expect(after.reverted).to.deep.equal(before.reverted);
    });

    it("is not taken of another database than the instance's", async () => {
      const context = await take();
      const identity = { ...DATABASE, oid: "99" };
      context.driver.currentDatabase = { identity, applied: [] };
      const { outcome, text } = await run(context);
      expect(outcome).to.equal("failed");
      expect(text)
        .to.match(/^FAILED No backup was taken; what serves was not touched\. /)
        .and.to.contain("another one than this instance's: system 7001, oid 99");
      expect(context.driver.calls).to.deep.equal([]);
      expect((await lastRecord(context))?.backup).to.equal(undefined);
    });

    it("fails, and ends, where the disk of the backups can't be read", async () => {
      const context = await take();
      await writeFile(context.paths.backups, "no folder");
      const { outcome, text } = await run(context);
      expect(outcome).to.equal("failed");
      expect(text).to.contain("ENOTDIR");
      const told = await readFile(context.job.paths.progress, "utf8");
      expect(told).to.contain("not everything half written could be removed: ENOTDIR");
    });

    it("fails where the database does not answer", async () => {
      const context = await take();
      context.driver.currentDatabase = undefined;
      expect((await run(context)).text).to.contain("the database does not answer");
    });

    it("stays unproven where it does not restore, and says so", async () => {
      const context = await take();
      context.driver.databaseTools.lossOfDump = "table public.messages has 2 rows, not 3";
      const { outcome, text } = await run(context);
      const [backup] = await listBackups(context.paths);
      expect(outcome).to.equal("failed");
      expect(text).to.contain(`The backup ${backup?.name} was written and is not proven`);
      expect(text).to.contain("2 rows, not 3");
      expect(backup?.manifest.proof).to.equal(undefined);
    });

    it("leaves no partial dump and no throwaway database when it is stopped", async () => {
      const context = await take();
      const { job, paths } = context;
      await mkdir(join(paths.backups, "000009-20240101T000000Z.partial"), { recursive: true });
      await job.record({ type: "begun", step: "J5" });
      await writeFile(join(job.paths.directory, "abort"), "");
      const { outcome, text } = await run(context);
      expect(outcome).to.equal("failed");
      expect(text).to.contain("as asked");
      expect(await readdir(paths.backups)).to.deep.equal([]);
      expect(context.driver.calls).to.deep.equal(["endProof"]);
    });
  });

  describe("a check of backups", () => {
    type Proof = NonNullable<BackupManifest["proof"]>;

    const noteInManifest = ({ paths }: Context, { name, manifest }: Backup, proof: Proof) =>
      writeFile(join(paths.backups, name, "manifest.json"), JSON.stringify({ ...manifest, proof }));

    const secondBehind = ({ job }: Context): string =>
      new Date(Date.parse(job.opened.at) + 1_000).toISOString();

    it("restores each of them, and notes it", async () => {
      const [first, second] = [await earlier(1, false), await earlier(2, true)];
      const context = await check(first.name, second.name);
      const { outcome, text } = await run(context);
      expect(outcome, text).to.equal("done");
      expect(text).to.match(/^CHECKED 2 backups were each restored .*000001-\S+, 000002-/);
      expect(context.driver.calls).to.deep.equal(["prove", "prove"]);
      for (const { manifest } of await listBackups(context.paths))
        expect(Date.parse(manifest.proof?.restoredAt ?? "")).to.be.at.least(
          Date.parse(context.job.opened.at),
        );
      expect(await lastRecord(context)).to.deep.include({
        ...{ kind: "check-backups", outcome: "done", checked: [first.name, second.name] },
      });
    });

    const damages: [string, (file: string) => Promise<void>, string][] = [
      ["is cut", (file) => truncate(file, 4), "has 4 bytes, and 11 were written"],
      ["has another byte", (file) => writeFile(file, "hello w0rld"), "has the SHA-256"],
      ["is gone", (file) => rm(file), "can't be read: ENOENT"],
      [
        "is a folder",
        async (file) => {
          await rm(file);
          await mkdir(file);
        },
        "is not a file",
      ],
    ];
    for (const [what, damage, found] of damages)
      it(`says what it found where a dump ${what}, and takes its proof away`, async () => {
        const [bad, good] = [await earlier(1, true), await earlier(2, false)];
        const context = await check(bad.name, good.name);
        await damage(dumpFile(context.paths, bad.name));
        const { outcome, text } = await run(context);
        expect(outcome).to.equal("failed");
        expect(text)
          .to.match(/^FAILED 1 of 2 backups is not good:\n/)
          .and.to.contain(`${bad.name}: its dump ${found}`);
        const [first, second] = await listBackups(context.paths);
        expect(first?.manifest).to.not.have.property("proof");
        expect(first?.manifest.damage?.what).to.contain(found);
        expect(second?.manifest.proof).to.not.equal(undefined);
        expect(context.driver.calls.filter((call) => call === "prove")).to.have.length(1);
      });

    it("proves a dump that does not restore by nothing, and leaves an earlier proof of it", async () => {
      const [never, once] = [await earlier(1, false), await earlier(2, true)];
      const context = await check(never.name, once.name);
      context.driver.databaseTools.lossOfDump = "no room for it";
      expect((await run(context)).text).to.contain("could not be restored: no room for it");
      const [first, second] = await listBackups(context.paths);
      expect(first?.manifest).to.deep.equal(never.manifest);
      expect(second?.manifest).to.deep.equal(once.manifest);
    });

    it("forgets a damage where the dump is good again", async () => {
      const backup = await earlier(1, true);
      const first = await check(backup.name);
      await writeFile(dumpFile(first.paths, backup.name), "hello w0rld");
      expect((await run(first)).outcome).to.equal("failed");
      await writeFile(dumpFile(first.paths, backup.name), "hello world");
      const second = await open({ kind: "check-backups", backups: [backup.name] }, []);
      expect((await run(second)).outcome).to.equal("done");
      const [after] = await listBackups(second.paths);
      expect(after?.manifest).to.not.have.property("damage");
      expect(after?.manifest).to.have.property("proof");
    });

    it("goes on behind those that it had restored before it was killed", async () => {
      const [first, second] = [await earlier(1, true), await earlier(2, false)];
      const context = await check(first.name, second.name);
      const proof = { restoredAt: secondBehind(context), job: context.job.sequence };
      await noteInManifest(context, first, proof);
      await context.job.record({ type: "begun", step: "J5" });
      expect((await run(context)).outcome).to.equal("done");
      expect(context.driver.calls).to.deep.equal(["prove"]);
      expect(
        (await listBackups(context.paths)).map(({ manifest }) => manifest.proof),
      ).to.deep.include(proof);
    });

    it("looks at each that others have proven, whatever the time or the number", async () => {
      const backup = await earlier(1, true);
      const context = await check(backup.name);
      const { sequence } = context.job;
      const proofs: Proof[] = [
        { restoredAt: secondBehind(context) },
        { restoredAt: secondBehind(context), job: sequence - 1 },
        { restoredAt: "2024-01-01T00:00:00.000Z", job: sequence },
      ];
      for (const proof of proofs) {
        await noteInManifest(context, backup, proof);
        await writeFile(dumpFile(context.paths, backup.name), "hello w0rld");
        const problem = await errorOf(async () => CHECK_BACKUPS_STEPS.at(-1)?.run(context));
        expect(problem.message, JSON.stringify(proof)).to.contain("its dump has the SHA-256");
      }
    });

    it("names a backup that went away meanwhile", async () => {
      const context = await check("000004-20240101T000000Z");
      expect((await run(context)).text).to.contain("000004-20240101T000000Z: it is gone");
    });
  });
});
