import { UserError } from "../common/errors.ts";
import { gitIn, type Mirror } from "./mirror.ts";

/** A file in a commit's tree. */
export interface TreeFile {
  path: string;
  /** The object that holds its bytes. */
  object: string;
  /** Symbolic links have their target as bytes. */
  isLink: boolean;
}

/** Bytes that are read of a release in all: its migrations and a few small files. */
const MAXIMUM_BYTES = 64 * 1024 * 1024;

/** The files of a commit below the given paths (files or folders), in one call of git. */
export async function listFiles(
  mirror: Mirror,
  commit: string,
  paths: readonly string[],
): Promise<TreeFile[]> {
  const output = await gitIn(mirror, [
    "--literal-pathspecs",
    "ls-tree",
    "-r",
    "-z",
    "--full-tree",
    "--long",
    commit,
    "--",
    ...paths,
  ]);
  let bytes = 0;
  const files: TreeFile[] = [];
  for (const line of output.toString().split("\0")) {
    const match = /^(\d{6}) blob ([0-9a-f]{40}) +(\d+)\t([^]+)$/.exec(line);
    const [, mode, object, size, path] = match ?? [];
    if (object === undefined || path === undefined) continue;
    bytes += Number(size);
    files.push({ path, object, isLink: mode === "120000" });
  }
  if (bytes > MAXIMUM_BYTES) {
    throw new UserError(
      `Commit ${commit} can't be read: ${paths.join(", ")} have ${bytes} bytes, more than ` +
        `${MAXIMUM_BYTES}. Check "repository": this doesn't look like Chatalot's.`,
    );
  }
  return files;
}

/** The contents of objects in the order in which they are named, in one call of git. */
export async function readObjects(mirror: Mirror, objects: readonly string[]): Promise<Buffer[]> {
  if (objects.length === 0) return [];
  const output = await gitIn(mirror, ["cat-file", "--batch"], { input: `${objects.join("\n")}\n` });
  const contents: Buffer[] = [];
  let at = 0;
  for (const object of objects) {
    const end = output.indexOf(0x0a, at);
    const header = output.subarray(at, end === -1 ? undefined : end).toString();
    const size = /^[0-9a-f]{40} [a-z]+ (\d+)$/.exec(header)?.[1];
    if (size === undefined) throw new Error(`git has no object ${object}: ${header}`);
    contents.push(output.subarray(end + 1, end + 1 + Number(size)));
    at = end + 1 + Number(size) + 1;
  }
  return contents;
}
