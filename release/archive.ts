import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
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

/**
 * Writes the tree of a commit to a file: exactly the bytes of the commit, whatever its
 * `.gitattributes` say, all files owned by root and dated by the commit.
 *
 * The same commit gives the same bytes with the same version of git. The file is made anew each
 * time (it takes a moment), so that a damaged one can't be used, and appears whole or not at all.
 *
 * @param commit 40 hexadecimal digits
 * @param destination path of the file, best named by the commit
 */
export async function archiveTree(
  mirror: Mirror,
  commit: string,
  destination: string,
): Promise<TreeArchive> {
  await mkdir(dirname(destination), { recursive: true, mode: 0o700 });
  const temporary = `${destination}.${randomUUID()}`;
  try {
    await gitIn(mirror, [
      "-c",
      "tar.umask=0022",
      "archive",
      "--format=tar",
      `--output=${temporary}`,
      commit,
    ]);
    await flush(temporary);
    const hash = createHash("sha256");
    await pipeline(createReadStream(temporary), hash);
    const { size } = await stat(temporary);
    await rename(temporary, destination);
    return { path: destination, sha256: hash.digest("hex"), size };
  } finally {
    await rm(temporary, { force: true });
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
