/**
 * Files that survive a power cut: written beside their final name, flushed, renamed, and the
 * folder flushed too. Without the flush a renamed file came back with its final name and no bytes
 * (measured), so nothing here renames what it has not flushed.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  chmod,
  constants,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readFile,
  rename,
  stat,
  symlink,
  unlink,
} from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";

/** Writes a file of root's alone, in whole or not at all. */
export async function writeFileDurably(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // It may hold secrets, and nobody would look for it.
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Points a link somewhere else in one step: whoever reads it sees the old or the new target. */
export async function linkDurably(path: string, target: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  await symlink(target, temporary);
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes a folder (and those above it) that only root can enter. */
export async function makeDirectoryDurably(path: string, mode = 0o700): Promise<void> {
  const first = await makeDirectories(path, mode);
  // The process's mask has narrowed the mode.
  if (first !== undefined) await chmod(path, mode);
  await syncDirectory(dirname(first ?? path));
  await syncDirectory(dirname(path));
}

/** @returns the topmost of those that were made; Node's own way says ENOENT on a read-only disk. */
async function makeDirectories(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return undefined;
    if (code !== "ENOENT") throw error;
  }
  const first = await makeDirectories(dirname(path), mode);
  // Somebody else may have made it meanwhile.
  const own = await makeDirectories(path, mode);
  return first ?? own;
}

/** Removes a file if it is there. */
export async function removeDurably(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Flushes the names in a folder. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The text of a file, or undefined when there is none. */
export async function readFileIfThere(path: string): Promise<string | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    return await readFile(handle, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  } finally {
    await handle?.close();
  }
}

/**
 * Opens a file for reading that somebody else may have put there: no link is followed, and nobody is waited for
 * who would write into a pipe of that name.
 *
 * @throws Error where it is no file
 */
export async function openFile(path: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags);
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw new NoFileError(`${path} is not a file`);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** There is something else of that name: a pipe, a folder, a device. */
export class NoFileError extends Error {
  override readonly name = "NoFileError";
}

/** The digest of what is in a file now, in hex; it is never in memory as a whole. */
export async function sha256OfFile(path: string): Promise<string> {
  const digest = createHash("sha256");
  await pipeline(createReadStream(path), digest);
  return digest.digest("hex");
}

/** Whether a name is taken, by whatever it is; a link that leads nowhere counts. */
export async function nameExists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}
