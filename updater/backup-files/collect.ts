/**
 * Copies what a backup has besides its dump. A file that the backup before has as well is linked to that
 * one's copy: a backup more costs the disk what is new since. Never to the file that the server uses, which
 * the server could change.
 */
import { createHash } from "node:crypto";
import { link, lstat, mkdir, open, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { NoFileError, openFile } from "../files.ts";
import { HeldFolder } from "../held-folder.ts";
import { type FileEntry, type FileList, type FolderEntry } from "./file-list.ts";

/** A folder to copy from, or one file, with the path that it gets in the backup. */
export type Source = { path: string; folder: string } | { path: string; file: string };

/** A backup that has files already. */
export interface Earlier {
  folder: string;
  list: FileList;
}

export interface CollectOptions {
  /** Files that are as they were in it are linked. */
  earlier?: Earlier;
  /** Gets the number of files so far, after each of them. */
  report?: (count: number) => void;
}

const READ_SIZE = 1024 * 1024;

/**
 * @param sources a file after the folder that it is put into
 * @param destination the folder of the backup, in which the folders are made
 * @returns what was copied; what is deleted meanwhile is not in it. Links and devices are none of the
 *   server's, and are left out
 */
export async function collect(
  sources: readonly Source[],
  destination: string,
  options: CollectOptions = {},
): Promise<FileList> {
  const list: FileList = { format: 1, folders: [], files: [] };
  const known = new Map(options.earlier?.list.files.map((entry) => [entry.path, entry]));
  const collection = { list, known, destination, options };
  for (const source of sources) {
    const isFile = "file" in source;
    const held = await HeldFolder.open(isFile ? dirname(source.file) : source.folder);
    try {
      if (isFile) await collectFile(collection, held, basename(source.file), source.path);
      else await collectFolder(collection, held, source.path);
    } finally {
      await held.close();
    }
  }
  return list;
}

/** How many bytes {@link collect} will write, without those of single files. */
export async function bytesToCollect(
  sources: readonly Source[],
  earlier: Earlier | undefined,
): Promise<number> {
  const known = new Map(earlier?.list.files.map((entry) => [entry.path, entry]));
  let bytes = 0;
  for (const source of sources) {
    if ("file" in source) continue;
    const held = await HeldFolder.open(source.folder);
    try {
      bytes += await bytesIn(held, source.path, known);
    } finally {
      await held.close();
    }
  }
  return bytes;
}

interface Collection {
  list: FileList;
  known: ReadonlyMap<string, FileEntry>;
  destination: string;
  options: CollectOptions;
}

async function collectFolder(
  collection: Collection,
  folder: HeldFolder,
  path: string,
): Promise<void> {
  const { list, destination } = collection;
  list.folders.push(ownedBy(path, await folder.facts()));
  await mkdir(join(destination, path), { mode: 0o700 });
  for (const entry of sorted(await folder.entries())) {
    const inner = `${path}/${entry.name}`;
    if (entry.isFile()) await unlessGone(() => collectFile(collection, folder, entry.name, inner));
    else if (entry.isDirectory())
      await unlessGone(async () => {
        const held = await folder.folder(entry.name);
        try {
          await collectFolder(collection, held, inner);
        } finally {
          await held.close();
        }
      });
  }
}

async function collectFile(
  { list, known, destination, options }: Collection,
  folder: HeldFolder,
  name: string,
  path: string,
): Promise<void> {
  const source = await openFile(folder.path(name));
  try {
    const facts = await source.stat();
    const { size } = facts;
    const modified = Math.floor(facts.mtimeMs);
    const before = known.get(path);
    const target = join(destination, path);
    const isLinked =
      before !== undefined &&
      options.earlier !== undefined &&
      before.size === size &&
      before.modified === modified &&
      (await linked(join(options.earlier.folder, path), target, size));
    const content = isLinked ? before : await copied(source, target);
    list.files.push({
      ...ownedBy(path, facts),
      ...{ size: content.size, modified, sha256: content.sha256 },
    });
    options.report?.(list.files.length);
  } finally {
    await source.close();
  }
}

/** Whether it was linked: a copy that is gone, or damaged so that its length shows it, is made anew. */
async function linked(earlier: string, target: string, size: number): Promise<boolean> {
  try {
    const facts = await lstat(earlier);
    if (!facts.isFile() || facts.size !== size) return false;
    await link(earlier, target);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    // Gone, on another disk, linked too often, or a file system without links.
    if (["ENOENT", "EXDEV", "EMLINK", "EPERM"].includes(code)) return false;
    throw error;
  }
}

/** Whoever took the backup has it flushed as a whole: one by one it takes minutes for many small files. */
async function copied(
  source: FileHandle,
  target: string,
): Promise<Pick<FileEntry, "size" | "sha256">> {
  const digest = createHash("sha256");
  const copy = await open(target, "wx", 0o600);
  const buffer = Buffer.alloc(READ_SIZE);
  let size = 0;
  try {
    for (;;) {
      const { bytesRead } = await source.read(buffer, 0, READ_SIZE, size);
      if (bytesRead === 0) break;
      const part = buffer.subarray(0, bytesRead);
      digest.update(part);
      await copy.writeFile(part);
      size += bytesRead;
    }
  } finally {
    await copy.close();
  }
  return { size, sha256: digest.digest("hex") };
}

async function bytesIn(
  folder: HeldFolder,
  path: string,
  known: ReadonlyMap<string, FileEntry>,
): Promise<number> {
  let bytes = 0;
  for (const entry of await folder.entries()) {
    const inner = `${path}/${entry.name}`;
    if (entry.isFile()) {
      const facts = await folder.factsOf(entry.name);
      const before = known.get(inner);
      const isKnown =
        before?.size === facts?.size && before?.modified === Math.floor(facts?.mtimeMs ?? -1);
      if (!isKnown) bytes += facts?.size ?? 0;
    } else if (entry.isDirectory())
      await unlessGone(async () => {
        const held = await folder.folder(entry.name);
        try {
          bytes += await bytesIn(held, inner, known);
        } finally {
          await held.close();
        }
      });
  }
  return bytes;
}

function ownedBy(path: string, facts: { uid: number; gid: number; mode: number }): FolderEntry {
  return { path, uid: facts.uid, gid: facts.gid, mode: facts.mode & 0o777 };
}

function sorted<T extends { name: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * What was deleted between the look and the copy was not to be kept; what became a link, a pipe or a socket is no
 * file of ours.
 */
async function unlessGone(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof NoFileError) return;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!["ENOENT", "ELOOP", "ENOTDIR", "ENXIO"].includes(code)) throw error;
  }
}
