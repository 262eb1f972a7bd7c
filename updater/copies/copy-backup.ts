/**
 * One backup, copied to another place: what the copy before has is linked to it, all else is written, read
 * back and compared. A folder with a backup's name is whole.
 */
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { makeFolders, type Part, partsOf } from "../backup-files/content.ts";
import { type FileList, LIST_FILE } from "../backup-files/file-list.ts";
import { type Backup, MANIFEST_FILE, manifestText } from "../backups.ts";
import { sha256OfFile, syncDirectory, writeFileDurably } from "../files.ts";
import { type Cipher, ENCRYPTED } from "./cipher.ts";

/** Where a backup is, and what it consists of. */
export interface Copied {
  folder: string;
  backup: Backup;
  list: FileList | undefined;
}

export interface CopyOptions {
  /** Absent: the files are as they are. */
  cipher?: Cipher | undefined;
  /** A copy that was made in the same way. */
  earlier?: Copied | undefined;
}

/** What a disk says that has no links, or no more of them. */
const CANT_LINK = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "ENOSYS", "EXDEV"]);

/** @param place the folder of all copies, which is there */
export async function copyBackup(
  { folder, backup, list }: Copied,
  place: string,
  options: CopyOptions = {},
): Promise<void> {
  const destination = join(place, backup.name);
  const partial = `${destination}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  try {
    await makeFolders(partial, list);
    const known = knownParts(options.earlier);
    for (const part of partsOf(backup.manifest, list)) {
      const isLinked =
        known.get(part.path) === part.sha256 && (await linked(part, partial, options));
      if (!isLinked) await written(part, folder, partial, options.cipher);
    }
    if (list !== undefined)
      await writeFileDurably(
        join(partial, LIST_FILE),
        await readFile(join(folder, LIST_FILE), "utf8"),
      );
    await writeFileDurably(join(partial, MANIFEST_FILE), manifestText(backup.manifest));
    await syncFolders(partial, list);
    await rename(partial, destination);
    await syncDirectory(place);
  } catch (error) {
    // A disk that is full because of it must not stay full.
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/** What a copy has that the next one may be linked to, by path. A dump is never the same as the one before. */
export function knownParts(earlier: Copied | undefined): Map<string, string> {
  return new Map(earlier?.list?.files.map(({ path, sha256 }) => [path, sha256]));
}

async function linked(
  { path }: Part,
  partial: string,
  { cipher, earlier }: CopyOptions,
): Promise<boolean> {
  if (earlier === undefined) return false;
  const name = nameIn(path, cipher);
  try {
    await link(join(earlier.folder, name), join(partial, name));
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // One that somebody took from the copy before is written anew.
    if (CANT_LINK.has(code) || code === "ENOENT") return false;
    throw error;
  }
}

/** Compared on the way, and once more as the place has it. */
async function written(
  { path, sha256 }: Part,
  folder: string,
  partial: string,
  cipher: Cipher | undefined,
): Promise<void> {
  const target = join(partial, nameIn(path, cipher));
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const digest = createHash("sha256");
  const source = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  const file = await open(target, "wx", 0o600);
  try {
    const read = Readable.from(digested(source.createReadStream(), digest));
    const content = cipher === undefined ? read : await cipher.encrypt(read);
    for await (const chunk of content) await file.writeFile(chunk as Uint8Array);
    await file.sync();
  } finally {
    await Promise.all([source.close(), file.close()]);
  }
  refuseOther(path, "was read", digest.digest("hex"), sha256);
  const found = cipher === undefined ? await sha256OfFile(target) : await cipher.digestOf(target);
  refuseOther(path, "was written", found, sha256);
}

async function* digested(
  content: AsyncIterable<Uint8Array>,
  digest: Hash,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    digest.update(chunk);
    yield chunk;
  }
}

function refuseOther(path: string, what: string, found: string, wanted: string): void {
  if (found !== wanted)
    throw new Error(`${JSON.stringify(path)} ${what} with the SHA-256 ${found}, and not ${wanted}`);
}

function nameIn(path: string, cipher: Cipher | undefined): string {
  return cipher === undefined ? path : `${path}${ENCRYPTED}`;
}

async function syncFolders(partial: string, list: FileList | undefined): Promise<void> {
  for (const { path } of list?.folders ?? []) await syncDirectory(join(partial, path));
  await syncDirectory(partial);
}
