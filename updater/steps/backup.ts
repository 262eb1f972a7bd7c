/** J4 and J5: before a release changes, a dump that is known to restore. */
import { messageOf } from "../../common/errors.ts";
import { describeBytes } from "../../common/size.ts";
import { counted } from "../../common/text.ts";
import { type BackupSpace, backupSpace } from "../backup-space.ts";
import {
  type Backup,
  backupName,
  backupSummary,
  dumpFile,
  listBackups,
  noteProof,
  readBackup,
  takeBackup,
} from "../backups.ts";
import { sha256OfFile } from "../files.ts";
import type { Job } from "../job.ts";
import type { BackupKind } from "../protocol.ts";
import { isProofDue } from "../retention.ts";
import { writeFiles } from "./backup-files.ts";
import { changesDatabase, pendingMigrations, replacementOf } from "./check-update.ts";
import { databaseChange, hasOtherImage, imageChangesOf } from "./other-images.ts";
import type { Facts, JobContext } from "./step.ts";
import { upgradeOf } from "./upgrade.ts";

/** What J5 leaves for the result and the ledger. */
export interface BackupFacts extends Facts {
  name: string;
  size: number;
  /** Whether it was restored and compared, or only read back by its checksum. */
  proof: "restored" | "checksum";
  /** What it has besides the database. */
  files?: { count: number; size: number };
}

/** The backup that a job took; undefined for one that takes none. */
export function backupOf(job: Job): BackupFacts | undefined {
  const facts = job.factsOf("J5");
  return facts?.name === undefined ? undefined : (facts as BackupFacts);
}

/**
 * A changed setting can't harm the database, and an empty server has nothing to back up. A person who asks
 * for a backup gets one.
 */
export function needsBackup(
  { job, ledger }: Pick<JobContext, "job" | "ledger">,
  pending = pendingMigrations(job).length,
  hasOther = hasOtherImage(databaseChange(imageChangesOf(job))),
): boolean {
  const last = ledger.lastServing;
  if (last === undefined) return false;
  if (job.plan.kind === "backup") return true;
  return (
    last.release?.commit !== job.plan.release?.commit ||
    pending > 0 ||
    hasOther ||
    // The same release with the database of another moment.
    replacementOf(job) !== undefined
  );
}

export async function writeBackup(context: JobContext): Promise<Facts> {
  const { driver, job, ledger, paths, progress } = context;
  const served = ledger.lastServing?.release;
  if (!needsBackup(context) || served === undefined) return {};
  // The same in each attempt: by it alone the job knows its own, since backups are brought by others as well.
  const name = backupName(job.sequence, new Date(job.opened.at));
  // Killed between the last flush and the journal's record.
  if ((await readBackup(paths, name)) !== undefined) return { name };
  const tools = driver.databaseTools;
  const takenAt = new Date();
  const databaseSize = await tools.size();
  const { manifest } = await takeBackup(paths, name, async (file, folder) => {
    const dump = await tools.dump(file, (bytes) =>
      progress.detail("J4", `${describeBytes(bytes)} so far`),
    );
    const files = await writeFiles(context, folder);
    return {
      format: 1,
      sequence: job.sequence,
      kind: kindOf(job),
      instanceId: job.plan.instanceId,
      takenAt: takenAt.toISOString(),
      release: { name: served.name, commit: served.commit },
      ...{ databaseSize, dump },
      ...(files === undefined ? {} : { files }),
    };
  });
  const { dump, files } = manifest;
  progress.tell(
    "J4",
    `backup ${name}: ${describeBytes(dump.size)}` +
      (files === undefined
        ? ""
        : `, and ${counted(files.count, "file")} of ${describeBytes(files.size)}`),
  );
  return { name };
}

function kindOf({ plan }: Job): BackupKind {
  if (plan.kind !== "backup") return "update";
  return plan.scheduled === true ? "scheduled" : "manual";
}

export async function proveBackup(context: JobContext): Promise<BackupFacts | Facts> {
  const { driver, job, paths, progress } = context;
  const name = job.factsOf("J4")?.name;
  if (typeof name !== "string") return {};
  const backups = await listBackups(paths);
  const backup = backups.find((entry) => entry.name === name);
  if (backup === undefined) throw new Error(`the backup ${name} is gone`);
  const { dump, files } = backup.manifest;
  const { size } = dump;
  const others = files === undefined ? {} : { files: { count: files.count, size: files.size } };
  if (!mustBeRestored(context, backups)) {
    await compareChecksum(paths, backup);
    return { name, size, proof: "checksum", ...others };
  }
  await driver.databaseTools.prove(dumpFile(paths, backup.name), backup.manifest.dump, (text) =>
    progress.detail("J5", text),
  );
  await noteProof(paths, backup);
  await tryOtherImage(context, backup);
  progress.tell("J5", `backup ${backup.name} was restored and has all it should have`);
  return { name, size, proof: "restored", ...others };
}

/**
 * Always before the database changes, since the backup is what a person would go back to then, and always
 * where a person asked for it.
 */
function mustBeRestored({ job }: JobContext, backups: readonly Backup[]): boolean {
  return (
    job.plan.kind === "backup" ||
    changesDatabase(job) ||
    hasOtherImage(databaseChange(imageChangesOf(job))) ||
    isProofDue(backups.map(backupSummary))
  );
}

/** While the chat still serves: an image that doesn't start, or doesn't sort as before, stops nothing. */
async function tryOtherImage({ driver, job, paths, progress }: JobContext, backup: Backup) {
  const change = databaseChange(imageChangesOf(job));
  const image = change?.to.id;
  const makesDataAnew = upgradeOf(job) !== undefined;
  if (change === undefined || image === undefined || !hasOtherImage(change)) return;
  try {
    await driver.databaseTools.tryImage(
      image,
      dumpFile(paths, backup.name),
      backup.manifest.dump,
      (text) => progress.detail("J5", text),
      { makesDataAnew },
    );
  } catch (error) {
    throw new Error(
      `the image ${change.to.reference} can't take the database over: ${messageOf(error)}. The backup ` +
        `${backup.name} is good, by the image that runs`,
      { cause: error },
    );
  }
  progress.tell(
    "J5",
    `${change.to.reference} restores it as well${makesDataAnew ? "" : ", and sorts as before"}`,
  );
}

async function compareChecksum(paths: JobContext["paths"], { name, manifest }: Backup) {
  if ((await sha256OfFile(dumpFile(paths, name))) !== manifest.dump.sha256)
    throw new Error(`the backup ${name} reads back as something else than was written`);
}

/**
 * What the update will need on the disks besides the release itself, in bytes.
 *
 * @param changes how much will be done to the database; 0: nothing
 * @param hasOther whether the database will run from another image
 */
export async function spaceForBackup(
  context: JobContext,
  changes: number,
  hasOther: boolean,
): Promise<BackupSpace> {
  return needsBackup(context, changes, hasOther)
    ? spaceForChanges(context, changes)
    : { backup: 0, proof: 0, revertPoint: 0 };
}

/** What an update that takes a backup will need, in bytes. */
export async function spaceForChanges(
  { driver, paths }: Pick<JobContext, "driver" | "paths">,
  changes: number,
): Promise<BackupSpace> {
  const size = await driver.databaseTools.size();
  const before = (await listBackups(paths)).at(-1)?.manifest;
  // A dump is compressed; how well is known from the last one, with some room for another day.
  const share =
    before === undefined ? 1 : Math.min(1, (before.dump.size / before.databaseSize) * 1.5);
  return backupSpace(size, share, changes);
}
