/** A file under a second name, so that what happens to the first one doesn't lose it. */
import { createHash, randomBytes } from "node:crypto";
import { link, lstat, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nameExists, openFile, syncDirectory } from "./files.ts";

/** What a copy is named until it is whole, or for good where its name was taken. */
const OTHER_NAME = /^\.[0-9a-f]{12}\.tmp$|\.kept-\d+$/;

/** Link, or copy where the two places are on different file systems, or leave it then. */
export interface KeepOptions {
  /** @default true */
  copies?: boolean;
}

/**
 * Keeps a file under a second name, or under the next free one (`name.kept-2`) where that has another content: nothing
 * is ever written over. May be repeated.
 *
 * @param target whoever keeps many flushes its folder once
 * @returns false where it would have had to be copied, and is not to be
 */
export async function keepLink(
  file: string,
  target: string,
  options: KeepOptions = {},
): Promise<boolean> {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? target : `${target}.kept-${number}`;
    const outcome = await placeFile(file, name, options);
    if (outcome !== "taken") return outcome === "placed";
    // Set aside by an attempt that was killed.
    if (await isSameFile(file, name)) return true;
  }
}

/**
 * Gives a file a second name, whole or not at all.
 *
 * @returns `taken` where there is something of that name, `elsewhere` where only a copy could be made
 */
export async function placeFile(
  file: string,
  target: string,
  { copies = true }: KeepOptions = {},
): Promise<"placed" | "taken" | "elsewhere"> {
  try {
    await link(file, target);
    return "placed";
  } catch (error) {
    if (isTaken(error)) return "taken";
    if (!hasNoLinks(error)) throw error;
    if (!copies) return "elsewhere";
    return (await copyTo(file, target)) ? "placed" : "taken";
  }
}

/** Whether two names have one content. A link is none, whatever it leads to. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([lstat(one), lstat(other)]);
  if (first.dev === second.dev && first.ino === second.ino) return true;
  if (!first.isFile() || !second.isFile() || first.size !== second.size) return false;
  const [digest, wanted] = await Promise.all([digestOf(one), digestOf(other)]);
  return digest === wanted;
}

/** Whether a name among kept files is not that of the file: of half a copy, or beside another file. */
export function hasOtherName(name: string): boolean {
  return OTHER_NAME.test(name);
}

async function digestOf(path: string): Promise<string> {
  const digest = createHash("sha256");
  const file = await openFile(path);
  try {
    for await (const part of file.createReadStream({ autoClose: false }))
      digest.update(part as Buffer);
  } finally {
    await file.close();
  }
  return digest.digest("hex");
}

/** @returns false where the name was taken meanwhile */
async function copyTo(file: string, target: string): Promise<boolean> {
  const temporary = join(dirname(target), `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await copy(file, temporary);
    const isPlaced = await giveName(temporary, target);
    if (isPlaced) await syncDirectory(dirname(target));
    return isPlaced;
  } finally {
    // A disk that is full because of it must not stay full.
    await unlink(temporary).catch(() => undefined);
  }
}

async function copy(file: string, target: string): Promise<void> {
  const from = await openFile(file);
  try {
    const to = await open(target, "wx", 0o600);
    try {
      for await (const part of from.createReadStream({ autoClose: false }))
        await to.writeFile(part as Buffer);
      // The server, which is no root, reads it as before where it is put back.
      const { uid, gid, mode, atime, mtime } = await from.stat();
      await to.chown(uid, gid);
      await to.chmod(mode & 0o777);
      await to.utimes(atime, mtime);
      await to.sync();
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

/** A rename would write over what came there meanwhile. */
async function giveName(temporary: string, target: string): Promise<boolean> {
  try {
    await link(temporary, target);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    if (!hasNoLinks(error)) throw error;
    if (await nameExists(target)) return false;
    await rename(temporary, target);
    return true;
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EEXIST";
}

/** Another file system, one without links, or a file with as many as it may have. */
function hasNoLinks(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return ["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP"].includes(code);
}
