/** The job that proves backups anew: each is compared by its bytes, and restored. */
import { messageOf } from "../../common/errors.ts";
import { counted } from "../../common/text.ts";
import { backupSpace } from "../backup-space.ts";
import { damageOf } from "../backup-damage.ts";
import { type BackupManifest, dumpFile, noteDamage, noteProof, readBackup } from "../backups.ts";
import type { Digests } from "../backup-files/compare.ts";
import type { Job } from "../job.ts";
import { requireSpaceFor } from "./space.ts";
import { answeringDatabase, type JobContext, type Step } from "./step.ts";

export const CHECK_BACKUPS_STEPS: readonly Step[] = [
  { id: "J1", title: "check that a backup can be restored beside the chat", run: checkRoom },
  { id: "J5", title: "prove the backups", run: proveBackups },
];

/** The names of the backups that a job is to check. */
export function checkedBackups(job: Job): readonly string[] {
  return job.plan.backups ?? [];
}

/** One is restored at a time, so that the largest decides. */
async function checkRoom({ driver, job, paths }: JobContext): Promise<void> {
  await driver.waitUntilReady();
  // Its image and its roles are what a dump is restored with.
  await answeringDatabase(driver);
  const backups = await Promise.all(checkedBackups(job).map((name) => readBackup(paths, name)));
  const sizes = backups.map((backup) => backup?.manifest.databaseSize ?? 0);
  const { proof } = backupSpace(Math.max(0, ...sizes), 0, 0);
  const images = await driver.imageFolder();
  await requireSpaceFor([
    { folder: paths.directory, bytes: 0 },
    ...(images === undefined ? [] : [{ folder: images, bytes: proof }]),
  ]);
}

/** All of them, whatever one of them is like: a person wants to know which are left. */
async function proveBackups(context: JobContext): Promise<void> {
  const names = checkedBackups(context.job);
  const problems: string[] = [];
  const digests: Digests = new Map();
  for (const name of names) {
    const problem = await problemOf(context, name, digests);
    if (problem !== undefined) problems.push(`${name}: ${problem}`);
    context.progress.tell("J5", `${name}: ${problem ?? "was restored and has all it should have"}`);
  }
  if (problems.length > 0)
    throw new Error(
      `${problems.length} of ${counted(names.length, "backup")} ` +
        `${problems.length === 1 ? "is" : "are"} not good:\n${problems.join("\n")}`,
    );
}

async function problemOf(
  { driver, job, paths, progress }: JobContext,
  name: string,
  digests: Digests,
): Promise<string | undefined> {
  const backup = await readBackup(paths, name);
  if (backup === undefined) return "it is gone";
  if (isProvenBy(job, backup.manifest)) return undefined;
  const damage = await damageOf(paths, backup, digests);
  if (damage !== undefined) {
    await noteDamage(paths, backup, damage);
    return damage;
  }
  try {
    await driver.databaseTools.prove(dumpFile(paths, name), backup.manifest.dump, (text) =>
      progress.detail("J5", `${name}: ${text}`),
    );
  } catch (error) {
    // Its bytes are those that were proven once, where they were: that proof stands.
    return `its dump is as it was written, and could not be restored: ${messageOf(error)}`;
  }
  await noteProof(paths, backup, job.sequence);
  return undefined;
}

/**
 * Whether an attempt that was killed later on has restored it. A time alone tells nothing where the clock was ahead
 * once, nor a number alone where the backups' disk was carried to a server whose jobs are counted anew.
 */
function isProvenBy({ sequence, opened }: Job, { proof }: BackupManifest): boolean {
  return proof !== undefined && proof.job === sequence && proof.restoredAt >= opened.at;
}
