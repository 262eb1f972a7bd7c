/**
 * The bytes of a backup on their way: one file after the other, by the sizes and digests of its manifest and
 * its list. There is no archive, and so no name, link or device in the stream that anybody would have to
 * distrust.
 */
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BackupManifest } from "../backups.ts";
import { DUMP_FILE } from "../backups.ts";
import type { FileEntry, FileList } from "./file-list.ts";

/** One file of a stream. */
export type Part = Pick<FileEntry, "path" | "size" | "sha256">;

/** What arrived is not what was written. */
export class ContentError extends Error {
  override readonly name = "ContentError";
}

/** All files of a backup, in the order in which they are sent. */
export function partsOf({ dump }: BackupManifest, list: FileList | undefined): Part[] {
  const { size, sha256 } = dump;
  return [{ path: DUMP_FILE, size, sha256 }, ...(list?.files ?? [])];
}

/** Makes the folders of a list, also those without a file: a backup that was carried looks as it did. */
export async function makeFolders(folder: string, list: FileList | undefined): Promise<void> {
  for (const { path } of list?.folders ?? [])
    await mkdir(join(folder, path), { recursive: true, mode: 0o700 });
}

/** Writes the bytes of all files, as the disk has them: whoever takes them compares them. */
export async function sendContent(
  folder: string,
  parts: readonly Part[],
  destination: Writable,
): Promise<void> {
  for (const { path, size } of parts) {
    const file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const facts = await file.stat();
      // What has another length would be taken for the beginning of the next file.
      if (!facts.isFile() || facts.size !== size)
        throw new Error(
          `the backup's file ${JSON.stringify(path)} is not as it was written: it has ${facts.size} bytes, ` +
            `and ${size} were written`,
        );
      if (size === 0) continue;
      const content = file.createReadStream({ autoClose: false, end: size - 1 });
      await pipeline(content, destination, { end: false });
    } finally {
      await file.close();
    }
  }
}

/**
 * Takes the bytes of all files and puts each where it belongs below a folder, compared with its digest.
 *
 * @param report gets the number of bytes so far
 * @throws ContentError where one is not what was written, or there are fewer or more bytes than that
 */
export async function receiveContent(
  source: AsyncIterable<Uint8Array>,
  parts: readonly Part[],
  folder: string,
  report: (bytes: number) => void = () => undefined,
): Promise<void> {
  const receiver = new Receiver(parts, folder);
  let bytes = 0;
  try {
    await receiver.begin();
    for await (const chunk of source) {
      await receiver.take(chunk);
      bytes += chunk.length;
      report(bytes);
    }
    receiver.end();
  } finally {
    await receiver.close();
  }
}

class Receiver {
  private index = -1;
  private left = 0;
  private file: FileHandle | undefined;
  private digest: Hash = createHash("sha256");

  constructor(
    private readonly parts: readonly Part[],
    private readonly folder: string,
  ) {}

  /** Opens the next file; empty ones are made on the way. */
  async begin(): Promise<void> {
    do {
      await this.finish();
      this.index += 1;
      const part = this.parts[this.index];
      if (part === undefined) return;
      const path = join(this.folder, part.path);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      this.file = await open(path, "wx", 0o600);
      this.left = part.size;
      this.digest = createHash("sha256");
    } while (this.left === 0);
  }

  async take(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.file === undefined) throw new ContentError("more came than belongs to the backup");
      const part = rest.subarray(0, this.left);
      await this.file.writeFile(part);
      this.digest.update(part);
      this.left -= part.length;
      rest = rest.subarray(part.length);
      if (this.left === 0) await this.begin();
    }
  }

  end(): void {
    const part = this.parts[this.index];
    if (part === undefined) return;
    throw new ContentError(
      `it ended in ${JSON.stringify(part.path)}, with ${this.left} of its ${part.size} bytes missing`,
    );
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }

  private async finish(): Promise<void> {
    const part = this.parts[this.index];
    if (part === undefined) return;
    const found = this.digest.digest("hex");
    if (found !== part.sha256)
      throw new ContentError(
        `${JSON.stringify(part.path)} arrived with the SHA-256 ${found}, and ${part.sha256} was written`,
      );
    await this.file?.sync();
    await this.close();
  }
}
