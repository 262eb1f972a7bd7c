/** Whether the files of a backup are those that were written. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../common/errors.ts";
import { readFileIfThere } from "../files.ts";
import {
  type FileEntry,
  type FileList,
  fileListSchema,
  LIST_FILE,
  type ListDigest,
} from "./file-list.ts";

/** What files were found to be, by the disk's own number: many backups share one file. */
export type Digests = Map<string, string>;

/**
 * The list of a backup's files.
 *
 * @throws Error where it is not the one that was written, or names what no backup has
 */
export async function readFileList(folder: string, wanted: ListDigest): Promise<FileList> {
  const text = await readFileIfThere(join(folder, LIST_FILE));
  if (text === undefined) throw new Error("its list of files is gone");
  return parseFileList(text, wanted);
}

/** @throws Error as {@link readFileList} does */
export function parseFileList(text: string, wanted: ListDigest): FileList {
  const found = createHash("sha256").update(text).digest("hex");
  if (found !== wanted.listSha256)
    throw new Error(
      `its list of files has the SHA-256 ${found}, and ${wanted.listSha256} was written`,
    );
  const parsed = fileListSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`its list of files can't be used: ${issue?.message ?? "unknown"}`);
}

/**
 * How the files of a folder differ from a list; undefined: not at all.
 *
 * @param digests is added to, for the next backup
 */
export async function differenceOf(
  folder: string,
  { files }: FileList,
  digests: Digests = new Map(),
): Promise<string | undefined> {
  const problems: string[] = [];
  for (const entry of files) {
    const problem = await problemOf(folder, entry, digests);
    if (problem !== undefined) problems.push(`${JSON.stringify(entry.path)} ${problem}`);
  }
  const [first] = problems;
  if (first === undefined) return undefined;
  const more = problems.length - 1;
  return `its file ${first}${more === 0 ? "" : `, and ${more} more are not as they were`}`;
}

async function problemOf(
  folder: string,
  { path, size, sha256 }: FileEntry,
  digests: Digests,
): Promise<string | undefined> {
  try {
    const file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const facts = await file.stat();
      if (!facts.isFile()) return "is not a file";
      if (facts.size !== size) return `has ${facts.size} bytes, and ${size} were written`;
      const key = `${facts.dev}:${facts.ino}`;
      let found = digests.get(key);
      if (found === undefined) {
        const digest = createHash("sha256");
        for await (const part of file.createReadStream({ autoClose: false }))
          digest.update(part as Buffer);
        found = digest.digest("hex");
        digests.set(key, found);
      }
      return found === sha256 ? undefined : `has the SHA-256 ${found}, and ${sha256} was written`;
    } finally {
      await file.close();
    }
  } catch (error) {
    return `can't be read: ${messageOf(error).replace(folder, "")}`;
  }
}
