/** J4 of a backup that is to be whole: the uploads, and the configuration and keys of what serves. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { bytesToCollect, collect, type Earlier, type Source } from "../backup-files/collect.ts";
import {
  CONFIGURATION,
  LIST_FILE,
  type ListDigest,
  SECRETS_FILE,
  UPLOADS,
} from "../backup-files/file-list.ts";
import { type Backup, backupFolder, fileListOf, listBackups } from "../backups.ts";
import { nameExists, writeFileDurably } from "../files.ts";
import { flush } from "../flush.ts";
import { filesVolumeOf } from "../rendered-release.ts";
import { renderedRecord } from "./renderings.ts";
import type { JobContext } from "./step.ts";

/** Whether the job's backup is to have more than the database. */
export function wantsFiles({ job }: Pick<JobContext, "job">): boolean {
  return job.plan.kind === "backup" && job.plan.files === true;
}

/** How many bytes the files will take of the disk, besides what an earlier backup has already. */
export async function spaceForFiles(context: JobContext): Promise<number> {
  if (!wantsFiles(context)) return 0;
  return bytesToCollect(await sourcesOf(context), await earlierOf(context));
}

/**
 * Copies the files into a backup's folder, after its dump: what comes between the two is known to no row,
 * and what is deleted between them would be missing the other way round.
 *
 * @returns undefined for a backup of the database alone
 */
export async function writeFiles(
  context: JobContext,
  folder: string,
): Promise<ListDigest | undefined> {
  if (!wantsFiles(context)) return undefined;
  const { progress } = context;
  const earlier = await earlierOf(context);
  const list = await collect(await sourcesOf(context), folder, {
    ...(earlier === undefined ? {} : { earlier }),
    report: (count) => progress.detail("J4", `${count} files so far`),
  });
  const text = JSON.stringify(list);
  await writeFileDurably(join(folder, LIST_FILE), text);
  await flush("the backup's files", folder);
  return {
    count: list.files.length,
    size: list.files.reduce((sum, { size }) => sum + size, 0),
    listSize: Buffer.byteLength(text),
    listSha256: createHash("sha256").update(text).digest("hex"),
  };
}

/** @throws Error where the uploads can't be found: a backup without them must not look whole */
async function sourcesOf(context: JobContext): Promise<Source[]> {
  const { driver, ledger, paths } = context;
  const serving = ledger.lastServing?.serving;
  if (serving === undefined) throw new Error("no release has served here yet");
  const release = renderedRecord(context, serving).directory;
  const volume = await filesVolumeOf(release);
  const uploads = await driver.volumeFolder(volume);
  if (uploads === undefined) throw new Error(`the volume ${volume} with the uploads is gone`);
  const sources: Source[] = [
    { path: UPLOADS, folder: uploads },
    { path: CONFIGURATION, folder: release },
  ];
  if (await nameExists(paths.secretsFile))
    sources.push({ path: SECRETS_FILE, file: paths.secretsFile });
  return sources;
}

/** The newest backup with files. One that is damaged would hand its damage down. */
async function earlierOf({ paths }: JobContext): Promise<Earlier | undefined> {
  const backups = (await listBackups(paths)).reverse();
  for (const backup of backups) {
    const list = await listIfWhole(paths, backup);
    if (list !== undefined) return { folder: backupFolder(paths, backup.name), list };
  }
  return undefined;
}

async function listIfWhole(paths: JobContext["paths"], backup: Backup) {
  if (backup.manifest.damage !== undefined) return undefined;
  return fileListOf(paths, backup).catch(() => undefined);
}
