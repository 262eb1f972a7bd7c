/**
 * Uploads that an older database knows nothing of: the server deletes files without a row two hours
 * after its start, so they are kept under another name before such a database starts.
 */
import { copyFile, link, lstat, mkdir, readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Driver } from "./drivers/driver.ts";
import { makeDirectoryDurably, nameExists } from "./files.ts";
import type { InstancePaths } from "./paths.ts";

interface Place {
  paths: InstancePaths;
  driver: Pick<Driver, "volumeFolder">;
  /** Docker's name of the volume with the uploads. */
  volume: string;
  sequence: number;
}

/** The files of the volume that came since a moment; none where there is no such volume. */
export async function uploadsSince(
  driver: Pick<Driver, "volumeFolder">,
  volume: string,
  since: number,
): Promise<string[]> {
  const folder = await driver.volumeFolder(volume);
  return folder === undefined ? [] : filesSince(folder, since);
}

/**
 * Links (or copies, onto another disk) every file that came since a moment.
 *
 * @param known files that the older database knows nevertheless, by their paths in the volume
 * @returns a sentence for the operator; undefined where there was no such file
 */
export async function setAsideUploads(
  { paths, driver, volume, sequence }: Place,
  since: number,
  known: ReadonlySet<string> = new Set(),
): Promise<string | undefined> {
  const folder = await driver.volumeFolder(volume);
  if (folder === undefined) return undefined;
  const destination = setAsideFolder(paths, sequence);
  let kept = 0;
  for (const file of await filesSince(folder, since)) {
    const name = relative(folder, file);
    if (known.has(name)) continue;
    const target = join(destination, name);
    if (kept === 0) await makeDirectoryDurably(destination);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await keep(file, target);
    kept += 1;
  }
  return kept === 0
    ? undefined
    : `${kept} uploads that the older database does not know are kept in ${destination}`;
}

/**
 * Puts back what a job set aside, for a database that knows these files. Files that are there stay.
 *
 * @returns a sentence for the operator; undefined where there was nothing to put back
 */
export async function putBackUploads(
  { paths, driver, volume }: Omit<Place, "sequence">,
  sequence: number,
): Promise<string | undefined> {
  const folder = await driver.volumeFolder(volume);
  const source = setAsideFolder(paths, sequence);
  if (folder === undefined || !(await nameExists(source))) return undefined;
  let count = 0;
  for (const file of await filesSince(source, 0)) {
    const target = join(folder, relative(source, file));
    if (await nameExists(target)) continue;
    await mkdir(dirname(target), { recursive: true });
    await keep(file, target);
    count += 1;
  }
  return count === 0 ? undefined : `${count} uploads were put back from ${source}`;
}

/** Where a job keeps what it takes away of the uploads. */
export function setAsideFolder(paths: InstancePaths, sequence: number): string {
  return join(paths.setAside, String(sequence).padStart(6, "0"));
}

async function filesSince(folder: string, since: number): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries) {
    // A link could lead anywhere.
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { ctimeMs } = await lstat(path);
    if (ctimeMs >= since) files.push(path);
  }
  return files;
}

async function keep(file: string, target: string): Promise<void> {
  try {
    await link(file, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "EXDEV" && code !== "EPERM" && code !== "EMLINK") throw error;
    await copyFile(file, target);
  }
}
