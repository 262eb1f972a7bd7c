/** Lists, removes and sends the backups of an instance, without a job. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type {
  BackupList,
  BackupsRequest,
  NamedBackupRequest,
  RemoveBackupAnswer,
} from "./backup-protocol.ts";
import { noBackup } from "./backup-work.ts";
import {
  backupSummary,
  dumpFile,
  listBackups,
  removeBackup,
  removePartialBackups,
} from "./backups.ts";
import { readFileIfThere } from "./files.ts";
import { readInstance } from "./instance.ts";
import { openJob } from "./job.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import { PROTOCOL } from "./protocol.ts";
import { isLastProven } from "./retention.ts";
import { noInstance } from "./submit.ts";
import { acquireSubmitLock } from "./submit-lock.ts";
import { lastProvenText, needsOperatorText, underWay } from "./texts.ts";

/** Reads only. */
export async function readBackups({ directory }: BackupsRequest): Promise<BackupList> {
  const paths = instancePaths(directory);
  const [backups, job] = await Promise.all([listBackups(paths), openJob(paths)]);
  return {
    protocol: PROTOCOL,
    backups,
    ...(job === undefined ? {} : { openJob: job.summary }),
  };
}

/**
 * Removes a backup, under the lock of submissions: no job that could want it begins meanwhile. The last
 * proven one stays whoever asks.
 */
export async function removeNamedBackup({
  directory,
  name,
}: NamedBackupRequest): Promise<RemoveBackupAnswer> {
  const paths = instancePaths(directory);
  if ((await readInstance(paths)) === undefined)
    return { answer: "refused", reasons: [noInstance(paths)] };
  const lock = await acquireSubmitLock(paths);
  try {
    const refusal = await refusalToRemove(paths, name);
    if (refusal !== undefined) return { answer: "refused", reasons: [refusal] };
    await removeBackup(paths, name);
    // No job is open, so that whatever is half there is nobody's.
    await removePartialBackups(paths);
    return { answer: "removed" };
  } finally {
    await lock.release();
  }
}

async function refusalToRemove(paths: InstancePaths, name: string): Promise<string | undefined> {
  const job = await openJob(paths);
  if (job !== undefined) return underWay(job.summary);
  const marker = await readFileIfThere(paths.needsOperator);
  // A backup may be the way out of what that is about.
  if (marker !== undefined) return needsOperatorText(marker);
  const backups = (await listBackups(paths)).map(backupSummary);
  if (backups.every((backup) => backup.name !== name)) return noBackup(paths, [name]);
  return isLastProven(backups, name) ? lastProvenText(name) : undefined;
}

/** Writes the bytes of a dump, as they are. */
export async function sendDump(
  { directory, name }: NamedBackupRequest,
  destination: Writable,
): Promise<void> {
  const paths = instancePaths(directory);
  const isThere = (await listBackups(paths)).some((backup) => backup.name === name);
  if (!isThere) throw new Error(noBackup(paths, [name]));
  const file = await open(dumpFile(paths, name), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (!(await file.stat()).isFile()) throw new Error(`the dump of ${name} is not a file`);
    await pipeline(file.createReadStream({ autoClose: false }), destination, { end: false });
  } finally {
    await file.close();
  }
}
