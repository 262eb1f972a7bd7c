/**
 * Puts the uploads of a backup back to where the server looks for them. Nothing that is there is lost: a
 * file that has another content is kept under another name first.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDirectoryDurably, syncDirectory } from "../files.ts";
import { flush } from "../flush.ts";
import { HeldFolder, inFolder } from "../held-folder.ts";
import { keepLink } from "../keep-link.ts";
import { type FileEntry, type FileList, nameOf, parentOf, UPLOADS } from "./file-list.ts";

export interface RestoreOptions {
  /** The folder of the backup. */
  backup: string;
  list: FileList;
  /** Where the server looks for its uploads. */
  uploads: string;
  /** Whether what has another content is replaced. What is missing is added in any case. */
  replaces: boolean;
  /** Where a file goes that is replaced, by its path in the volume; made where it is needed. */
  setAside: string;
  /** Gets the number of files so far. */
  report?: (count: number) => void;
}

export interface Restored {
  /** Files that were missing. */
  added: number;
  /** Files that had another content, which is set aside. */
  replaced: number;
}

/** May be repeated: what is there as it should be is left alone. */
export async function restoreUploads(options: RestoreOptions): Promise<Restored> {
  const { backup, list, uploads } = options;
  const result: Restored = { added: 0, replaced: 0 };
  const root = await HeldFolder.open(uploads);
  try {
    const isEmpty = (await root.entries()).length === 0;
    for (const folder of list.folders) {
      if (folder.path === UPLOADS) {
        // Docker gives a volume its owner only when it is used first, and while it is empty.
        if (isEmpty) await root.own(folder);
      } else if (isUpload(folder.path))
        await inFolder(root, namesOf(parentOf(folder.path)), async (parent) => {
          const made = await parent.makeFolder(nameOf(folder.path));
          try {
            if (made.made) await made.folder.own(folder);
          } finally {
            await made.folder.close();
          }
        });
    }
    for (const [parent, files] of byFolder(list.files))
      await inFolder(root, namesOf(parent), async (folder) => {
        for (const file of files) {
          const change = await putFile(folder, file, join(backup, file.path), options);
          if (change !== undefined) result[change] += 1;
          options.report?.(result.added + result.replaced);
        }
        await folder.sync();
      });
  } finally {
    await root.close();
  }
  if (result.added + result.replaced > 0) await flush("the uploads", uploads);
  return result;
}

/** How many bytes {@link restoreUploads} will write at the most. */
export async function bytesToRestore(
  list: Pick<FileList, "files">,
  uploads: string,
): Promise<number> {
  let bytes = 0;
  const root = await HeldFolder.open(uploads);
  try {
    for (const [parent, files] of byFolder(list.files)) {
      const known = await inFolder(root, namesOf(parent), async (folder) => {
        const there = await Promise.all(files.map((file) => isAsListed(folder, file)));
        return files.filter((_, index) => there[index] === true);
      }).catch((): FileEntry[] => []);
      const missing = files.filter((file) => !known.includes(file));
      bytes += missing.reduce((sum, { size }) => sum + size, 0);
    }
  } finally {
    await root.close();
  }
  return bytes;
}

function isUpload(path: string): boolean {
  return path === UPLOADS || path.startsWith(`${UPLOADS}/`);
}

/** The names below the uploads' own folder. */
function namesOf(path: string): string[] {
  return path.split("/").slice(1);
}

function byFolder(files: readonly FileEntry[]): Map<string, FileEntry[]> {
  const folders = new Map<string, FileEntry[]>();
  for (const file of files) {
    if (!isUpload(file.path)) continue;
    const parent = parentOf(file.path);
    folders.set(parent, [...(folders.get(parent) ?? []), file]);
  }
  return folders;
}

async function isAsListed(folder: HeldFolder, { path, size, modified }: FileEntry) {
  const facts = await folder.factsOf(nameOf(path));
  return facts?.isFile() === true && facts.size === size && Math.floor(facts.mtimeMs) === modified;
}

async function putFile(
  folder: HeldFolder,
  file: FileEntry,
  source: string,
  { setAside, replaces }: RestoreOptions,
): Promise<keyof Restored | undefined> {
  if (await isAsListed(folder, file)) return undefined;
  const name = nameOf(file.path);
  const found = await folder.factsOf(name);
  if (found !== undefined && !replaces) return undefined;
  const temporary = await copyIn(folder, file, source);
  // What else there may be, such as a link, has no content that could be lost.
  const isReplaced = found?.isFile() === true;
  if (isReplaced) {
    const target = join(setAside, ...namesOf(file.path));
    await makeDirectoryDurably(dirname(target));
    await keepLink(folder.path(name), target);
    await syncDirectory(dirname(target));
  }
  await rename(folder.path(temporary), folder.path(name));
  return isReplaced ? "replaced" : "added";
}

/** Whole and flushed under a name of its own, and compared with what was written into the backup. */
async function copyIn(folder: HeldFolder, file: FileEntry, source: string): Promise<string> {
  const temporary = `.restored-${file.sha256.slice(0, 32)}`;
  await unlink(folder.path(temporary)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  });
  const digest = createHash("sha256");
  const from = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const to = await open(folder.path(temporary), flags, 0o600);
    try {
      for await (const part of from.createReadStream({ autoClose: false })) {
        digest.update(part as Buffer);
        await to.writeFile(part as Buffer);
      }
      const found = digest.digest("hex");
      if (found !== file.sha256)
        throw new Error(
          `the backup's file ${JSON.stringify(file.path)} has the SHA-256 ${found}, and ${file.sha256} ` +
            "was written",
        );
      await to.chown(file.uid, file.gid);
      await to.chmod(file.mode);
      // In the middle of the millisecond: a time in seconds is cut off, and not rounded.
      const seconds = (file.modified + 0.5) / 1_000;
      await to.utimes(seconds, seconds);
      await to.sync();
    } finally {
      await to.close();
    }
  } catch (error) {
    await unlink(folder.path(temporary)).catch(() => undefined);
    throw error;
  } finally {
    await from.close();
  }
  return temporary;
}
