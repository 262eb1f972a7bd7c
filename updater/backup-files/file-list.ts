/**
 * What a backup holds besides its dump: uploads, and the configuration and keys of what served. Each file
 * has its digest, so that one which changed is noticed wherever the backup was carried.
 */
import * as z from "zod";

/** The list's own file in the backup's folder. */
export const LIST_FILE = "files.json";

/** The two trees of a backup. */
export const UPLOADS = "uploads";
export const CONFIGURATION = "configuration";

/** The values that a new server needs to open what the database holds; in {@link CONFIGURATION}. */
export const SECRETS_FILE = `${CONFIGURATION}/instance-secrets.json`;

/** The longest that a list may be, in bytes: some million files. */
export const MAXIMUM_LIST = 512 * 1024 ** 2;

const name = z.string().max(4_096).refine(isSafe, "a path that leads out of the backup");

const owned = {
  path: name,
  uid: z.number().int().min(0).max(0xff_ff_ff_ff),
  gid: z.number().int().min(0).max(0xff_ff_ff_ff),
  /** Never a bit that lets a program run as its owner. */
  mode: z.number().int().min(0).max(0o777),
};

const fileEntry = z.object({
  ...owned,
  size: z.number().int().nonnegative(),
  /** When its content was changed last, in whole milliseconds since the epoch. */
  modified: z.number().int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type FileEntry = z.infer<typeof fileEntry>;

const folderEntry = z.object(owned);
export type FolderEntry = z.infer<typeof folderEntry>;

export const fileListSchema = z
  .object({
    format: z.literal(1),
    /** Each after the one that it is in. */
    folders: z.array(folderEntry),
    files: z.array(fileEntry),
  })
  .superRefine(({ folders, files }, context) => {
    const paths = new Set<string>();
    for (const { path } of [...folders, ...files]) {
      if (paths.has(path)) context.addIssue(`${JSON.stringify(path)} is listed twice`);
      paths.add(path);
    }
    const known = new Set(folders.map(({ path }) => path));
    for (const { path } of files)
      if (!known.has(parentOf(path)))
        context.addIssue(`the folder of ${JSON.stringify(path)} is not listed`);
  });
export type FileList = z.infer<typeof fileListSchema>;

/** What a manifest says of the list. */
export const listDigestSchema = z.object({
  count: z.number().int().nonnegative(),
  /** Bytes of all files. */
  size: z.number().int().nonnegative(),
  /** Bytes of the list itself, and its digest. */
  listSize: z.number().int().nonnegative().max(MAXIMUM_LIST),
  listSha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type ListDigest = z.infer<typeof listDigestSchema>;

/** The folder of a path; empty for the two trees. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Below one of the two trees, and never out of it. */
function isSafe(path: string): boolean {
  const [tree, ...names] = path.split("/");
  return (
    (tree === UPLOADS || tree === CONFIGURATION) &&
    !path.includes("\0") &&
    names.every((part) => part !== "" && part !== "." && part !== "..")
  );
}
