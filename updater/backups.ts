/**
 * The backups of an instance: folders with a dump and a manifest, complete or not there. A name begins
 * with the number of the job that took it, so that no clock decides which is newer.
 */
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Dump } from "./drivers/database-tools.ts";
import { makeDirectoryDurably, readFileIfThere, syncDirectory, writeFileDurably } from "./files.ts";
import { readFileList } from "./backup-files/compare.ts";
import type { FileList, ListDigest } from "./backup-files/file-list.ts";
import { LockedError } from "./lock.ts";
import { type InstancePaths, padded } from "./paths.ts";
import { type BackupKind, backupNameSchema, type BackupSummary } from "./protocol.ts";
import { withReceiveLock } from "./submit-lock.ts";

/** What is known of a backup; a file beside its dump. */
export interface BackupManifest {
  format: 1;
  /** The job that took it, an update or one of its own: no two backups have the same. */
  sequence: number;
  /** Absent in manifests of an older version: `update`. */
  kind?: BackupKind;
  instanceId: string;
  takenAt: string;
  /** The release that served when it was taken. */
  release: { name: string; commit: string };
  /** Bytes of the database on the disk, and not of the dump. */
  databaseSize: number;
  dump: Dump;
  /** What it has besides: uploads, configuration and keys. Absent: the database alone. */
  files?: ListDigest;
  /**
   * Set once the dump was restored into a throwaway database and compared. The job is the check that did so;
   * absent where another one did, and in manifests of an older version.
   */
  proof?: { restoredAt: string; job?: number | undefined };
  /** Set where a check found that the dump is not what was written; there is no proof then. */
  damage?: { foundAt: string; what: string };
}

/** A backup that is complete. */
export interface Backup {
  name: string;
  manifest: BackupManifest;
}

const PARTIAL = ".partial";
/** Jobs begin and end while a backup is brought: what they leave half written has another name. */
const RECEIVING = ".receiving";
export const DUMP_FILE = "database.dump";
export const MANIFEST_FILE = "manifest.json";

/** The name of the backup that a job takes. */
export function backupName(sequence: number, takenAt: Date): string {
  const time = takenAt
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(/[-:]/g, "");
  return `${padded(sequence)}-${time}`;
}

/** Where the dump of a backup lies. */
export function dumpFile(paths: InstancePaths, name: string): string {
  return join(backupFolder(paths, name), DUMP_FILE);
}

/** Where a backup lies. */
export function backupFolder(paths: Pick<InstancePaths, "backups">, name: string): string {
  return join(paths.backups, name);
}

/** The list of a backup's other files; undefined where it has none. */
export async function fileListOf(
  paths: Pick<InstancePaths, "backups">,
  { name, manifest }: Backup,
): Promise<FileList | undefined> {
  if (manifest.files === undefined) return undefined;
  return readFileList(backupFolder(paths, name), manifest.files);
}

/**
 * Takes a backup: everything is written and flushed beside its final name first, so that a folder with
 * that name is always whole.
 *
 * @param write makes the files, in the folder that it is given
 */
export async function takeBackup(
  paths: InstancePaths,
  name: string,
  write: (dumpFile: string, folder: string) => Promise<BackupManifest>,
): Promise<Backup> {
  const finish = (place: () => Promise<void>): Promise<void> => place();
  const manifest = await writeBeside(paths, name, PARTIAL, { write, finish });
  return { name, manifest };
}

/**
 * The same for a backup that is brought, which may take hours; only one at a time may be.
 *
 * @param finish is given what makes it a backup of the server; where it does not call that, nothing is left
 */
export async function placeReceived(
  paths: InstancePaths,
  name: string,
  write: (folder: string) => Promise<BackupManifest>,
  finish: (place: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await removeUnfinished(paths, RECEIVING);
  await writeBeside(paths, name, RECEIVING, { write: (_file, folder) => write(folder), finish });
}

async function writeBeside(
  paths: InstancePaths,
  name: string,
  suffix: string,
  {
    write,
    finish,
  }: {
    write: (dumpFile: string, folder: string) => Promise<BackupManifest>;
    finish: (place: () => Promise<void>) => Promise<void>;
  },
): Promise<BackupManifest> {
  const folder = backupFolder(paths, name);
  const partial = `${folder}${suffix}`;
  await makeDirectoryDurably(paths.backups);
  await rm(partial, { recursive: true, force: true });
  await makeDirectoryDurably(partial);
  try {
    const manifest = await write(join(partial, DUMP_FILE), partial);
    await writeManifest(partial, manifest);
    await finish(async () => {
      await rename(partial, folder);
      await syncDirectory(paths.backups);
    });
    await rm(partial, { recursive: true, force: true });
    return manifest;
  } catch (error) {
    // A disk that is full because of it must not stay full. One that is gone tells nothing more.
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * A dump for the length of some work. It lies where the backups have their room, under a name that is swept away as
 * those of interrupted ones are.
 */
export async function withTransientDump<T>(
  paths: InstancePaths,
  sequence: number,
  work: (dumpFile: string) => Promise<T>,
): Promise<T> {
  const folder = `${backupFolder(paths, backupName(sequence, new Date()))}${PARTIAL}`;
  await makeDirectoryDurably(paths.backups);
  await rm(folder, { recursive: true, force: true });
  await makeDirectoryDurably(folder);
  try {
    return await work(join(folder, DUMP_FILE));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Notes that a backup was restored and found to be what was dumped.
 *
 * @param job the check that restored it
 */
export async function noteProof(
  paths: InstancePaths,
  backup: Backup,
  job?: number,
): Promise<Backup> {
  const { damage: _, ...rest } = backup.manifest;
  return changeManifest(paths, backup.name, {
    ...rest,
    proof: { restoredAt: new Date().toISOString(), ...(job === undefined ? {} : { job }) },
  });
}

/** Notes that a dump is not what was written; whatever was proven before is not there any more. */
export async function noteDamage(
  paths: InstancePaths,
  backup: Backup,
  what: string,
): Promise<Backup> {
  const { proof: _, ...rest } = backup.manifest;
  return changeManifest(paths, backup.name, {
    ...rest,
    damage: { foundAt: new Date().toISOString(), what },
  });
}

async function changeManifest(
  paths: InstancePaths,
  name: string,
  manifest: BackupManifest,
): Promise<Backup> {
  await writeManifest(join(paths.backups, name), manifest);
  return { name, manifest };
}

async function writeManifest(folder: string, manifest: BackupManifest): Promise<void> {
  await writeFileDurably(join(folder, MANIFEST_FILE), manifestText(manifest));
}

/** What is in a manifest's file. */
export function manifestText(manifest: BackupManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The numbers of the jobs that took the backups which are there, whole or not. */
export async function backupSequences(paths: InstancePaths): Promise<number[]> {
  return (await foldersIn(paths.backups)).filter(isBackupName).map((name) => parseInt(name, 10));
}

/** All complete backups, oldest first. Folders with other names are not ours, and neither are links. */
export async function listBackups(paths: InstancePaths): Promise<Backup[]> {
  const names = (await foldersIn(paths.backups)).filter(isBackupName).sort(byAge);
  const found = await Promise.all(names.map(async (name) => readBackup(paths, name)));
  return found.filter((backup) => backup !== undefined);
}

/** Undefined where the folder has no manifest, or one of another format. */
export async function readBackup(paths: InstancePaths, name: string): Promise<Backup | undefined> {
  const text = await readFileIfThere(join(paths.backups, name, MANIFEST_FILE));
  if (text === undefined) return undefined;
  try {
    const manifest = JSON.parse(text) as BackupManifest;
    return manifest.format === 1 ? { name, manifest } : undefined;
  } catch {
    return undefined;
  }
}

/** A backup as a list has it. */
export function backupSummary({ name, manifest }: Backup): BackupSummary {
  const { sequence, proof, kind } = manifest;
  return {
    ...{ name, sequence },
    ...(proof === undefined ? {} : { provenAt: proof.restoredAt }),
    ...(kind === undefined ? {} : { kind }),
  };
}

/**
 * Removes a backup. It loses its name first, so that a kill in the middle leaves nothing that looks like
 * one; what is left then is removed as the rest of a job is.
 */
export async function removeBackup(paths: InstancePaths, name: string): Promise<void> {
  const partial = join(paths.backups, `${name}${PARTIAL}`);
  await rm(partial, { recursive: true, force: true });
  try {
    await rename(join(paths.backups, name), partial);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await syncDirectory(paths.backups);
  await rm(partial, { recursive: true, force: true });
}

/**
 * Removes what interrupted jobs left half written, and half removed, and what interrupted receivers left. A
 * backup that is being brought stays.
 */
export async function removePartialBackups(paths: InstancePaths): Promise<void> {
  await removeUnfinished(paths, PARTIAL);
  if ((await unfinished(paths, RECEIVING)).length === 0) return;
  try {
    await withReceiveLock(paths, () => removeUnfinished(paths, RECEIVING), 0);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
  }
}

async function removeUnfinished(paths: InstancePaths, suffix: string): Promise<void> {
  for (const name of await unfinished(paths, suffix))
    await rm(join(paths.backups, name), { recursive: true, force: true });
}

async function unfinished(paths: InstancePaths, suffix: string): Promise<string[]> {
  return (await foldersIn(paths.backups)).filter(
    (name) => name.endsWith(suffix) && isBackupName(name.slice(0, -suffix.length)),
  );
}

function isBackupName(name: string): boolean {
  return backupNameSchema.safeParse(name).success;
}

/** By the number, which is longer than six digits after a million jobs. */
function byAge(a: string, b: string): number {
  return parseInt(a, 10) - parseInt(b, 10) || (a < b ? -1 : 1);
}

/** The names of the folders in a folder; a link is none. */
async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
