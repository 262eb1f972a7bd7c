/**
 * An append-only file of records, each one line: length, checksum, JSON. A record that a crash cut
 * short is recognised and cut off before the next one is appended, because whatever is written
 * behind a torn line is lost with it (measured).
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "./files.ts";

/** The good records of a log. An absent file has none. */
export async function readRecords<T>(path: string): Promise<T[]> {
  const { records, goodBytes, hasGoodRecordBehind } = await readLog<T>(path);
  if (hasGoodRecordBehind) throw damaged(path, goodBytes);
  return records;
}

/** Appends one record and returns when it is on the disk. */
export async function appendRecord(path: string, record: unknown): Promise<void> {
  const { goodBytes, totalBytes, exists, hasGoodRecordBehind } = await readLog(path);
  const handle = await open(path, exists ? "r+" : "wx+", 0o600);
  try {
    if (hasGoodRecordBehind) throw damaged(path, goodBytes);
    if (goodBytes < totalBytes) {
      await handle.truncate(goodBytes);
      await handle.sync();
    }
    try {
      await writeAll(handle, frame(record), goodBytes);
      await handle.sync();
    } catch (error) {
      // What was not written whole is taken back, so that it can't be taken for a record later.
      await handle.truncate(goodBytes).catch(() => undefined);
      throw error;
    }
  } finally {
    await handle.close();
  }
  if (!exists) await syncDirectory(dirname(path));
}

/** A single write may take less than it is given, without an error, when the disk gets full. */
async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(
      bytes,
      written,
      bytes.length - written,
      position + written,
    );
    written += bytesWritten;
  }
}

function damaged(path: string, goodBytes: number): Error {
  return new Error(
    `${path} is damaged in its middle, at byte ${goodBytes}, and has good records behind that; nothing is read from it or written to it until a person has looked`,
  );
}

/** One record as it stands in the file. */
export function frame(record: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  return Buffer.concat([Buffer.from(`${json.length} ${checksum(json)} `), json, Buffer.from("\n")]);
}

interface Log<T> {
  records: T[];
  goodBytes: number;
  totalBytes: number;
  exists: boolean;
  /** A damaged line with a good one behind it: no torn write, but a disk that lost something. */
  hasGoodRecordBehind: boolean;
}

async function readLog<T>(path: string): Promise<Log<T>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { records: [], goodBytes: 0, totalBytes: 0, exists: false, hasGoodRecordBehind: false };
  }
  const records: T[] = [];
  let position = 0;
  while (position < bytes.length) {
    const end = bytes.indexOf(0x0a, position);
    const record = end === -1 ? undefined : parseLine(bytes.subarray(position, end));
    if (record === undefined) break;
    records.push(record as T);
    position = end + 1;
  }
  return {
    records,
    goodBytes: position,
    totalBytes: bytes.length,
    exists: true,
    hasGoodRecordBehind: hasGoodRecord(bytes.subarray(position)),
  };
}

function hasGoodRecord(bytes: Buffer): boolean {
  for (let position = bytes.indexOf(0x0a) + 1; position > 0;) {
    const end = bytes.indexOf(0x0a, position);
    if (end === -1) return false;
    if (parseLine(bytes.subarray(position, end)) !== undefined) return true;
    position = end + 1;
  }
  return false;
}

function parseLine(line: Buffer): unknown {
  const match = /^(\d+) ([0-9a-f]{16}) /.exec(line.subarray(0, 40).toString("latin1"));
  if (match === null) return undefined;
  const json = line.subarray(match[0].length);
  if (json.length !== Number(match[1]) || checksum(json) !== match[2]) return undefined;
  return JSON.parse(json.toString("utf8"));
}

function checksum(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}
