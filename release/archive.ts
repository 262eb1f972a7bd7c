import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { cachePath } from "../common/cache.ts";
import { gitIn, type Mirror } from "./mirror.ts";

/** A commit's tree as one file. */
export interface TreeArchive {
  /** An uncompressed tar, the files at its root. */
  path: string;
  /** Of the file's bytes, in hex. */
  sha256: string;
  /** Bytes. */
  size: number;
}

/** What a run that was killed left behind is removed after this many milliseconds; no run takes as long. */
const LEFT_BEHIND = 24 * 3_600_000;

/**
 * Writes the tree of a commit to a file for as long as something is done with it: exactly the bytes of the
 * commit, whatever its `.gitattributes` say, all files owned by root and dated by the commit.
 *
 * The same commit gives the same bytes with the same version of git. The file is this call's own, since
 * another stack may work with the same commit on this machine, and is made anew each time (it takes a
 * moment), so that a damaged one can't be used.
 *
 * @param commit 40 hexadecimal digits
 */
export async function withArchive<Result>(
  mirror: Mirror,
  commit: string,
  work: (archive: TreeArchive) => Promise<Result>,
): Promise<Result> {
  const folder = cachePath("archives");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeLeftBehind(folder);
  const path = join(folder, `${commit}.${randomUUID()}.tar`);
  try {
    const format = ["-c", "tar.umask=0022", "archive", "--format=tar"];
    await gitIn(mirror, [...format, `--output=${path}`, commit]);
    const hash = createHash("sha256");
    await pipeline(createReadStream(path), hash);
    return await work({ path, sha256: hash.digest("hex"), size: (await stat(path)).size });
  } finally {
    await rm(path, { force: true });
  }
}

async function removeLeftBehind(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    // Another run may have removed it just now.
    const written = await stat(path).catch(() => undefined);
    if (written !== undefined && Date.now() - written.mtimeMs > LEFT_BEHIND)
      await rm(path, { force: true });
  }
}
