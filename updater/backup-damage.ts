/** Whether a backup is still what was written, by its bytes. */
import { lstat } from "node:fs/promises";
import { messageOf } from "../common/errors.ts";
import { differenceOf, type Digests } from "./backup-files/compare.ts";
import { type Backup, backupFolder, dumpFile, fileListOf } from "./backups.ts";
import { sha256OfFile } from "./files.ts";
import type { InstancePaths } from "./paths.ts";

/**
 * How a backup differs from the one that was written, by its bytes; undefined: not at all.
 *
 * @param digests is added to, for other backups that share files with it
 */
export async function damageOf(
  paths: InstancePaths,
  backup: Backup,
  digests?: Digests,
): Promise<string | undefined> {
  return (await damageOfDump(paths, backup)) ?? (await damageOfFiles(paths, backup, digests));
}

async function damageOfFiles(
  paths: InstancePaths,
  backup: Backup,
  digests?: Digests,
): Promise<string | undefined> {
  try {
    const list = await fileListOf(paths, backup);
    return list === undefined
      ? undefined
      : await differenceOf(backupFolder(paths, backup.name), list, digests);
  } catch (error) {
    return messageOf(error);
  }
}

async function damageOfDump(
  paths: InstancePaths,
  { name, manifest }: Backup,
): Promise<string | undefined> {
  const file = dumpFile(paths, name);
  const { size, sha256 } = manifest.dump;
  try {
    const facts = await lstat(file);
    if (!facts.isFile()) return "its dump is not a file";
    if (facts.size !== size) return `its dump has ${facts.size} bytes, and ${size} were written`;
    const found = await sha256OfFile(file);
    return found === sha256
      ? undefined
      : `its dump has the SHA-256 ${found}, and ${sha256} was written`;
  } catch (error) {
    // A file that the disk doesn't give back is as good as none.
    return `its dump can't be read: ${messageOf(error)}`;
  }
}
