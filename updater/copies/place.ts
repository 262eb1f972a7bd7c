/** The other place: whether it is one, and that it is there. */
import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectoryDurably } from "../files.ts";
import { folderProblem } from "../ownership.ts";
import type { InstancePaths } from "../paths.ts";

/**
 * Why copies can't be put into a folder; undefined where they can. A disk that is not mounted leaves an empty
 * folder on the server's own, where a copy would be none.
 */
export async function placeProblem(
  paths: Pick<InstancePaths, "directory">,
  folder: string,
): Promise<string | undefined> {
  try {
    if (!(await lstat(folder)).isDirectory()) return `${folder} is no folder`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return `${folder} is not there`;
    throw error;
  }
  const problem = await folderProblem(folder);
  if (problem !== undefined)
    return `${folder} ${problem}: copies hold all messages and keys, and must be root's alone`;
  if ((await stat(folder)).dev === (await stat(paths.directory)).dev)
    return (
      `${folder} is on the same disk as ${paths.directory}, so that copies there would be lost with it. ` +
      "Mount another disk there"
    );
  return undefined;
}

/** An instance's own folder there, so that several servers can share a place. */
export async function folderAt(place: string, instanceId: string): Promise<string> {
  const folder = join(place, instanceId);
  await makeDirectoryDurably(folder);
  return folder;
}
