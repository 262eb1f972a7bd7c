import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import type { InstancePaths } from "./paths.ts";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Folders on the way to the updater's own that somebody besides root could change: root runs what
 * lies there. Each in words; folders that are not there yet are made by us.
 */
export async function unsafeFolders({ directory, state }: InstancePaths): Promise<string[]> {
  const found: string[] = [];
  for (let path = state; ; path = dirname(path)) {
    const problem = await problemOf(path, path === state || path === directory);
    if (problem !== undefined) found.push(`${path} ${problem}`);
    if (path === dirname(path)) return found;
  }
}

/** Why a folder is not root's alone to change; undefined where it is, or is not there. */
export function folderProblem(path: string): Promise<string | undefined> {
  return problemOf(path, true);
}

async function problemOf(path: string, isOurs: boolean): Promise<string | undefined> {
  let facts;
  try {
    facts = await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  // A link of root's above the directory is the choice of a disk; its folders are looked at by name.
  if (facts.isSymbolicLink())
    return isOurs ? "is a link" : facts.uid === 0 ? undefined : `is a link of user ${facts.uid}`;
  if (!facts.isDirectory()) return "is no folder";
  if (facts.uid !== 0) return `belongs to user ${facts.uid}`;
  const isShared = (facts.mode & WRITABLE_BY_OTHERS) !== 0 && (facts.mode & STICKY) === 0;
  return isShared ? "can be written to by others than root" : undefined;
}
