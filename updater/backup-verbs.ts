/** Lists, removes and sends the backups of an instance, without a job. */
import type { Writable } from "node:stream";
import { partsOf, sendContent } from "./backup-files/content.ts";
import { LIST_FILE } from "./backup-files/file-list.ts";
import type {
  BackupList,
  BackupsRequest,
  NamedBackupRequest,
  SendRequest,
} from "./backup-protocol.ts";
import { noBackup } from "./backup-work.ts";
import {
  backupSummary,
  backupFolder,
  fileListOf,
  listBackups,
  removeBackup,
  removePartialBackups,
} from "./backups.ts";
import { readInstance } from "./instance.ts";
import { openJob } from "./job.ts";
import { obstacleOf } from "./obstacle.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import { PROTOCOL, type RemovedAnswer } from "./protocol.ts";
import { isLastProven } from "./retention.ts";
import { noInstance } from "./submit.ts";
import { withSubmitLock } from "./submit-lock.ts";
import { lastProvenText } from "./texts.ts";

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
}: NamedBackupRequest): Promise<RemovedAnswer> {
  const paths = instancePaths(directory);
  if ((await readInstance(paths)) === undefined)
    return { answer: "refused", reasons: [noInstance(paths)] };
  return withSubmitLock(paths, async () => {
    const refusal = await refusalToRemove(paths, name);
    if (refusal !== undefined) return { answer: "refused", reasons: [refusal] };
    await removeBackup(paths, name);
    // No job is open, so that whatever is half there is nobody's.
    await removePartialBackups(paths);
    return { answer: "removed" };
  });
}

async function refusalToRemove(paths: InstancePaths, name: string): Promise<string | undefined> {
  // A backup may be the way out of what an operator is needed for.
  const obstacle = await obstacleOf(paths);
  if (obstacle !== undefined) return obstacle;
  const backups = (await listBackups(paths)).map(backupSummary);
  if (backups.every((backup) => backup.name !== name)) return noBackup(paths, [name]);
  return isLastProven(backups, name) ? lastProvenText(name) : undefined;
}

/** Writes the text of a backup's list of files, or the bytes of all its files, as they are. */
export async function sendBackup(
  { directory, name, part }: SendRequest,
  destination: Writable,
): Promise<void> {
  const paths = instancePaths(directory);
  const backup = (await listBackups(paths)).find((found) => found.name === name);
  if (backup === undefined) throw new Error(noBackup(paths, [name]));
  const folder = backupFolder(paths, name);
  const { files } = backup.manifest;
  if (part === "content") {
    const list = await fileListOf(paths, backup);
    await sendContent(folder, partsOf(backup.manifest, list), destination);
  } else if (files !== undefined) {
    const { listSize: size, listSha256: sha256 } = files;
    await sendContent(folder, [{ path: LIST_FILE, size, sha256 }], destination);
  }
}
