/**
 * The backups of an instance: folders with a dump and a manifest, complete or not there. A name begins
 * with the number of the job that took it, so that no clock decides which is newer.
 */
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Dump } from "./drivers/database-tools.ts";
import { makeDirectoryDurably, readFileIfThere, syncDirectory, writeFileDurably } from "./files.ts";
import type { InstancePaths } from "./paths.ts";
import type { BackupSummary } from "./protocol.ts";

/** What is known of a backup; a file beside its dump. */
export interface BackupManifest {
  format: 1;
  sequence: number;
  instanceId: string;
  takenAt: string;
  /** The release that served when it was taken. */
  release: { name: string; commit: string };
  /** Bytes of the database on the disk, and not of the dump. */
  databaseSize: number;
  dump: Dump;
  /** Set once the dump was restored into a throwaway database and compared. */
  proof?: { restoredAt: string };
}

/** A backup that is complete. */
export interface Backup {
  name: string;
  manifest: BackupManifest;
}

const NAME = /^\d{6,}-\d{8}T\d{6}Z$/;
const PARTIAL = ".partial";
const DUMP_FILE = "database.dump";
const MANIFEST_FILE = "manifest.json";

/** The name of the backup that a job takes. */
export function backupName(sequence: number, takenAt: Date): string {
  const time = takenAt
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(/[-:]/g, "");
  return `${String(sequence).padStart(6, "0")}-${time}`;
}

/** Where the dump of a backup lies. */
export function dumpFile(paths: InstancePaths, name: string): string {
  return join(paths.backups, name, DUMP_FILE);
}

/**
 * Takes a backup: everything is written and flushed beside its final name first, so that a folder with
 * that name is always whole.
 */
export async function takeBackup(
  paths: InstancePaths,
  name: string,
  write: (dumpFile: string) => Promise<BackupManifest>,
): Promise<Backup> {
  const folder = join(paths.backups, name);
  const partial = `${folder}${PARTIAL}`;
  await makeDirectoryDurably(paths.backups);
  await rm(partial, { recursive: true, force: true });
  await makeDirectoryDurably(partial);
  try {
    const manifest = await write(join(partial, DUMP_FILE));
    await writeManifest(partial, manifest);
    await rename(partial, folder);
    await syncDirectory(paths.backups);
    return { name, manifest };
  } catch (error) {
    // A disk that is full because of it must not stay full.
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Notes that a backup was restored and found to be what was dumped. */
export async function noteProof(paths: InstancePaths, backup: Backup): Promise<Backup> {
  const manifest = { ...backup.manifest, proof: { restoredAt: new Date().toISOString() } };
  await writeManifest(join(paths.backups, backup.name), manifest);
  return { name: backup.name, manifest };
}

async function writeManifest(folder: string, manifest: BackupManifest): Promise<void> {
  await writeFileDurably(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** All complete backups, oldest first. Folders with other names are not ours. */
export async function listBackups(paths: InstancePaths): Promise<Backup[]> {
  const names = (await namesIn(paths.backups)).filter((name) => NAME.test(name)).sort();
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
export function backupSummary({ name, manifest: { sequence, proof } }: Backup): BackupSummary {
  return { name, sequence, ...(proof === undefined ? {} : { provenAt: proof.restoredAt }) };
}

export async function removeBackup(paths: InstancePaths, name: string): Promise<void> {
  await rm(join(paths.backups, name), { recursive: true, force: true });
}

/** Removes what interrupted jobs left half written. */
export async function removePartialBackups(paths: InstancePaths): Promise<void> {
  for (const name of await namesIn(paths.backups))
    if (name.endsWith(PARTIAL) && NAME.test(name.slice(0, -PARTIAL.length)))
      await rm(join(paths.backups, name), { recursive: true, force: true });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
