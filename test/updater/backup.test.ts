import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import {
  type Backup,
  type BackupManifest,
  backupName,
  dumpFile,
  listBackups,
  backupSummary,
  takeBackup,
} from "../../updater/backups.ts";
import { outdatedBackups } from "../../updater/retention.ts";
import type { LedgerRecord } from "../../updater/protocol.ts";
import { needsBackup, proveBackup, writeBackup } from "../../updater/steps/backup.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import type { FakeDriver } from "./fake-driver.ts";
import { ledgerRecord, makeContext, NEW_COMMIT, release, switchPlan } from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

type Context = JobContext & { driver: FakeDriver };

describe("the backup of an update", () => {
  const temporary = useTemporaryDirectory();

  async function ready(pending: number[] = [], previous = ledgerRecord()): Promise<Context> {
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    await context.job.record({ type: "done", step: "J1", facts: { pending } });
    return context;
  }

  async function backedUp(context: Context): Promise<Record<string, unknown> | void> {
    const facts = await writeBackup(context);
    await context.job.record({ type: "done", step: "J4", facts });
    return proveBackup(context);
  }

  const cases: [string, LedgerRecord | undefined, number[], boolean][] = [
    ["for another release", ledgerRecord(), [], true],
    ["for a changed setting", ledgerRecord({ release: release(NEW_COMMIT) }), [], false],
    ["where migrations are to come", ledgerRecord({ release: release(NEW_COMMIT) }), [3], true],
    ["for a first deployment", undefined, [], false],
  ];
  for (const [when, previous, pending, expected] of cases)
    it(`is ${expected ? "" : "not "}taken ${when}`, async () => {
      const records = previous === undefined ? [] : [previous];
      const context = await makeContext(temporary(), switchPlan(), records);
      await context.job.record({ type: "done", step: "J1", facts: { pending } });
      expect(needsBackup(context)).to.equal(expected);
      const facts = await backedUp(context);
      expect(context.driver.calls.includes("dump")).to.equal(expected);
      expect(facts).to.deep.equal(
        expected ? { name: context.job.factsOf("J4")?.name, size: 11, proof: "restored" } : {},
      );
    });

  it("is complete or not there: a dump that fails leaves nothing behind", async () => {
    const context = await ready();
    context.driver.databaseTools.dump = async (file) => {
      await writeFile(file, "half");
      throw new Error("no space left on device");
    };
    expect((await errorOf(() => writeBackup(context))).message).to.contain("no space left");
    expect(await readdir(context.paths.backups)).to.deep.equal([]);
  });

  it("does not write through a link that waits under the name it begins with", async () => {
    const { paths, job } = await ready();
    const elsewhere = join(temporary(), "elsewhere");
    const name = backupName(job.sequence, new Date());
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, "database.dump"), "somebody's");
    await mkdir(paths.backups, { recursive: true });
    await symlink(elsewhere, join(paths.backups, `${name}.partial`));
    const written = takeBackup(paths, name, async (file) => {
      await writeFile(file, "the dump");
      return { sequence: job.sequence } as BackupManifest;
    });
    expect((await written).name).to.equal(name);
    expect(await readFile(dumpFile(paths, name), "utf8")).to.equal("the dump");
    expect(await readdir(elsewhere)).to.deep.equal(["database.dump"]);
    expect(await readFile(join(elsewhere, "database.dump"), "utf8")).to.equal("somebody's");
  });

  it("fails by its own cause where its disk takes nothing back either", async () => {
    const { paths } = await ready();
    const name = "000001-20240101T000000Z";
    const error = await errorOf(() =>
      takeBackup(paths, name, async () => {
        await rm(paths.backups, { recursive: true });
        await writeFile(paths.backups, "no folder");
        throw new Error("the disk is gone");
      }),
    );
    expect(error.message).to.equal("the disk is gone");
  });

  it("is not taken twice by a job that was killed behind it", async () => {
    const context = await ready();
    const first = await writeBackup(context);
    expect(await writeBackup(context)).to.deep.equal(first);
    expect(context.driver.calls.filter((call) => call === "dump")).to.have.length(1);
  });

  it("is taken where somebody brought one with the number of the job", async () => {
    const context = await ready();
    const { paths, job } = context;
    await takeBackup(paths, backupName(job.sequence, new Date("2030-01-01")), async (file) => {
      await writeFile(file, "another database");
      return { format: 1, sequence: job.sequence } as BackupManifest;
    });
    expect(await writeBackup(context)).to.deep.equal({
      name: backupName(job.sequence, new Date(job.opened.at)),
    });
    expect(context.driver.calls).to.include("dump");
  });

  it("is always restored before a migration", async () => {
    expect(await backedUp(await ready([3]))).to.include({ proof: "restored" });
    expect(await backedUp(await ready([3]))).to.include({ proof: "restored" });
    const proofs = (await listBackups((await ready()).paths)).map(({ manifest }) => manifest.proof);
    expect(proofs.every((proof) => proof !== undefined)).to.equal(true);
  });

  it("is read back only, where a younger one was restored and no migration is to come", async () => {
    const first = await ready();
    expect(await backedUp(first)).to.include({ proof: "restored" });
    await first.ledger.append(ledgerRecord({ sequence: first.job.sequence, outcome: "reverted" }));
    const second = await ready();
    expect(await backedUp(second)).to.include({ proof: "checksum" });
    expect(second.driver.calls).to.not.include("prove");
  });

  it("stops the update when it does not restore to what was dumped", async () => {
    const context = await ready([3]);
    context.driver.databaseTools.lossOfDump = "table public.messages has 2 rows, not 3";
    expect((await errorOf(() => backedUp(context))).message).to.contain("2 rows, not 3");
    const [backup] = await listBackups(context.paths);
    expect(backup?.manifest.proof).to.equal(undefined);
  });

  it("stops the update when the file is not what was written", async () => {
    const first = await ready();
    await backedUp(first);
    const second = await ready();
    await second.job.record({ type: "done", step: "J4", facts: await writeBackup(second) });
    const name = String(second.job.factsOf("J4")?.name);
    await writeFile(dumpFile(second.paths, name), "hello w0rld");
    expect((await errorOf(() => proveBackup(second))).message).to.contain("something else");
  });

  describe("retention", () => {
    const backup = (sequence: number, isProven = true): Backup => ({
      name: String(sequence),
      manifest: {
        format: 1,
        sequence,
        instanceId: "instance",
        takenAt: "",
        release: { name: "v1", commit: NEW_COMMIT },
        databaseSize: 1,
        dump: { sha256: "", size: 1, content: { applied: [], rows: {} }, postgresVersion: "17" },
        ...(isProven ? { proof: { restoredAt: "2024-01-01T00:00:00.000Z" } } : {}),
      },
    });
    const given = (backups: Backup[], keep: number): number[] =>
      outdatedBackups(backups.map(backupSummary), keep).map(({ sequence }) => sequence);

    it("counts proven ones only", () => {
      const backups = [backup(1), backup(2), backup(3, false), backup(4), backup(5, false)];
      expect(given(backups, 2)).to.deep.equal([1]);
      expect(given(backups, 1)).to.deep.equal([1, 2, 3]);
    });

    it("keeps the last proven one, and everything while none is proven", () => {
      expect(given([backup(1), backup(2, false)], 0)).to.deep.equal([]);
      expect(given([backup(1, false), backup(2, false)], 1)).to.deep.equal([]);
    });

    it("looks at nothing that has another name or no manifest", async () => {
      const { paths } = await ready();
      for (const name of ["mine", "000009-20240101T000000Z", "000009-20240101T000000Z.partial"])
        await mkdir(join(paths.backups, name), { recursive: true });
      expect(await listBackups(paths)).to.deep.equal([]);
    });
  });
});
