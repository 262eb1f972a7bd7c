/**
 * Uploads that an older database knows nothing of: the server deletes files without a row two hours
 * after its start, so they are kept under another name before such a database starts.
 */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Driver } from "./drivers/driver.ts";
import { makeDirectoryDurably, nameExists, syncDirectory } from "./files.ts";
import { flush } from "./flush.ts";
import { HeldFolder, inFolder } from "./held-folder.ts";
import { hasOtherName, isSameFile, keepLink, placeFile } from "./keep-link.ts";
import { type InstancePaths, padded } from "./paths.ts";

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

/** Which uploads are set aside. */
export type Unknown =
  /** All that are not among those that the older database knows, by their paths in the volume. */
  | { known: ReadonlySet<string> }
  /** What came since a moment, in milliseconds since the epoch, by the clock. */
  | { since: number }
  /**
   * Nothing says what it knows, and the clock may have been wrong: all, where a link to each is enough. Where
   * they have to be copied, those that came since a day before the moment.
   */
  | { about: number };

/** Further ahead no clock is that nobody notices: it shows the time of another zone. */
const CLOCK_MARGIN = 24 * 3_600_000;

/**
 * Links (or copies, onto another disk) the uploads that an older database doesn't know.
 *
 * @returns a sentence for the operator; undefined where there was no such file
 */
export async function setAsideUploads(
  { paths, driver, volume, sequence }: Place,
  which: Unknown,
): Promise<string | undefined> {
  const folder = await driver.volumeFolder(volume);
  if (folder === undefined) return undefined;
  const destination = setAsideFolder(paths, sequence);
  const { dev } = await stat(paths.directory);
  const made = new Map<string, Promise<unknown>>();
  let kept = 0;
  await eachFile(folder, async (held, path, facts) => {
    if ("known" in which && which.known.has(path.join("/"))) return;
    if ("since" in which && facts.ctimeMs < which.since) return;
    const copies = !("about" in which) || facts.ctimeMs >= which.about - CLOCK_MARGIN;
    if (!copies && facts.dev !== dev) return;
    const target = join(destination, ...path);
    const parent = dirname(target);
    const isMade = made.get(parent) ?? makeDirectoryDurably(parent);
    made.set(parent, isMade);
    await isMade;
    if (await keepLink(held.path(path.at(-1) ?? ""), target, { copies })) kept += 1;
  });
  if (kept === 0) return undefined;
  await flush("the uploads that are set aside", destination);
  return "about" in which
    ? `${kept} uploads are kept in ${destination}: nothing says which of them the older database knows`
    : `${kept} uploads that the older database does not know are kept in ${destination}`;
}

/**
 * Puts back what a job set aside, for a database that knows these files as they are there.
 *
 * @param displaced where a file is kept that has another content
 * @returns a sentence for the operator; undefined where there was nothing to put back
 */
export async function putBackUploads(
  { paths, driver, volume }: Omit<Place, "sequence">,
  sequence: number,
  displaced: string,
): Promise<string | undefined> {
  const folder = await driver.volumeFolder(volume);
  const source = setAsideFolder(paths, sequence);
  if (folder === undefined || !(await nameExists(source))) return undefined;
  let count = 0;
  const root = await HeldFolder.open(folder);
  try {
    await eachFile(source, async (held, path, facts) => {
      const name = path.at(-1) ?? "";
      if (hasOtherName(name)) return;
      // The server may have put a link in the place of a folder meanwhile: it is refused, and not followed.
      const isChanged = await inFolder(
        root,
        path.slice(0, -1),
        async (parent) => {
          const found = await parent.factsOf(name);
          // As most are where no time was for the chat to delete them.
          if (found?.dev === facts.dev && found.ino === facts.ino) return false;
          return putBack(held.path(name), parent, name, join(displaced, ...path));
        },
        { make: true },
      );
      if (isChanged) count += 1;
    });
  } finally {
    await root.close();
  }
  if (count === 0) return undefined;
  await flush("the uploads that were put back", folder);
  return `${count} uploads were put back from ${source}`;
}

/** @returns false where it is there as it should be, or a folder has its name */
async function putBack(
  file: string,
  folder: HeldFolder,
  name: string,
  displaced: string,
): Promise<boolean> {
  const [target, found] = [folder.path(name), await folder.factsOf(name)];
  if (found === undefined) return (await placeFile(file, target)) === "placed";
  if (found.isDirectory() || (await isSameFile(file, target))) return false;
  if (found.isFile()) {
    await makeDirectoryDurably(dirname(displaced));
    await keepLink(target, displaced);
    await syncDirectory(dirname(displaced));
  }
  const digest = createHash("sha256").update(name).digest("hex");
  const temporary = folder.path(`.put-back-${digest.slice(0, 32)}`);
  // Left by an attempt that was killed.
  await rm(temporary, { force: true });
  await placeFile(file, temporary);
  await rename(temporary, target);
  return true;
}

/** Where a job keeps what it takes away of the uploads, by their paths in the volume. */
export function setAsideFolder(paths: InstancePaths, sequence: number): string {
  return join(paths.setAside, padded(sequence));
}

/** The numbers of the jobs of which anything is set aside. */
export async function setAsideSequences({ setAside }: InstancePaths): Promise<number[]> {
  const names = await readdir(setAside).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => /^\d{6,}(?!\d)/.test(name)).map((name) => parseInt(name, 10));
}

/** Where the way back of a job keeps what the job had put into the place of uploads. */
export function takenBackFolder(paths: InstancePaths, sequence: number): string {
  return `${setAsideFolder(paths, sequence)}-taken-back`;
}

async function filesSince(folder: string, since: number): Promise<string[]> {
  const files: string[] = [];
  await eachFile(folder, async (_held, path, { ctimeMs }) => {
    if (ctimeMs >= since) files.push(join(folder, ...path));
  });
  return files;
}

/** Files that are visited at the same time: the chat may wait for its uploads to be set aside. */
const AT_ONCE = 32;

/** Names are looked up from folders that are held open: a link in one's place could lead anywhere. */
async function eachFile(
  top: string,
  visit: (folder: HeldFolder, path: readonly string[], facts: Stats) => Promise<void>,
): Promise<void> {
  const walk = async (folder: HeldFolder, above: readonly string[]): Promise<void> => {
    const entries = await folder.entries();
    for (const { name } of entries.filter((entry) => entry.isDirectory()))
      await inFolder(folder, [name], (below) => walk(below, [...above, name]));
    const files = entries.filter((entry) => entry.isFile());
    for (let first = 0; first < files.length; first += AT_ONCE) {
      const visits = files.slice(first, first + AT_ONCE).map(async ({ name }) => {
        const facts = await folder.factsOf(name);
        if (facts?.isFile() === true) await visit(folder, [...above, name], facts);
      });
      // All of them end before the folder is let go of, also where one fails.
      const failed = (await Promise.allSettled(visits)).find(({ status }) => status === "rejected");
      if (failed?.status === "rejected") throw failed.reason;
    }
  };
  const root = await HeldFolder.open(top);
  try {
    await walk(root, []);
  } finally {
    await root.close();
  }
}
