/** J4: the dump, by the pg_dump of the database's own image, and what its snapshot holds. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { plainText } from "../../../../common/text.ts";
import type { Dump } from "../../database-tools.ts";
import { docker } from "../docker.ts";
import { readContent } from "./content.ts";
import type { DatabaseContainer } from "./psql.ts";
import { withSnapshot } from "./snapshot.ts";

/** 862 MB take 9 s on two busy cores (measured); this is for a hundred times that on a slow disk. */
const DUMP_TIMEOUT = 4 * 3_600_000;

const REPORT_INTERVAL = 2_000;

/**
 * Warnings that say nothing about the dump. Every other word of pg_dump's counts as a failure: it
 * prints a warning, and ends well, where it left something out.
 */
const HARMLESS = [
  // The version of the sorting rules concerns indexes, which a restore builds anew.
  /collation version mismatch/i,
  /^(DETAIL|HINT):.*collation/i,
  /^HINT:.*(Rebuild all objects|ALTER DATABASE .* REFRESH)/i,
  // Data-only restores would have to be ordered by hand; ours are of everything.
  /circular foreign-key constraints/i,
  /^pg_dump: (detail|hint): /i,
];

/** Dumps into a new file and flushes it; a failure leaves a partial file for the caller to remove. */
export async function dumpDatabase(
  container: DatabaseContainer,
  file: string,
  report: (bytes: number) => void,
): Promise<Dump> {
  const version = await docker("ask pg_dump for its version", [
    ...["exec", container.id, "pg_dump", "--version"],
  ]);
  return withSnapshot(container, async (snapshot) => {
    const written = await write(container, snapshot.name, file, report);
    return {
      ...written,
      content: await readContent((sql) => snapshot.query(sql)),
      postgresVersion: /\d+(\.\d+)*/.exec(version)?.[0] ?? "unknown",
    };
  });
}

async function write(
  { id, user, database }: DatabaseContainer,
  snapshot: string,
  file: string,
  report: (bytes: number) => void,
): Promise<{ sha256: string; size: number }> {
  const dumping = execa(
    "docker",
    [
      // Kind to the server, which goes on serving.
      ...["exec", id, "nice", "-n", "10", "pg_dump", "--format=custom", "--compress=1"],
      ...["--no-password", "--lock-wait-timeout=60s", `--snapshot=${snapshot}`],
      ...[`--username=${user}`, `--dbname=${database}`],
    ],
    {
      timeout: DUMP_TIMEOUT,
      forceKillAfterDelay: 5_000,
      reject: false,
      buffer: { stdout: false, stderr: true },
      cwd: "/",
    },
  );
  const digest = createHash("sha256");
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const reporting = setInterval(() => report(size), REPORT_INTERVAL);
  try {
    await pipeline(dumping.stdout, count, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  } catch (error) {
    dumping.kill("SIGKILL");
    throw new Error(`write the dump: ${(error as Error).message}`, { cause: error });
  } finally {
    clearInterval(reporting);
  }
  const { exitCode, timedOut, stderr } = await dumping;
  const words = suspicious(stderr);
  if (timedOut)
    throw new Error(`dump the database: no end after ${DUMP_TIMEOUT / 3_600_000} hours`);
  if (exitCode !== 0) throw new Error(`dump the database: exit code ${exitCode}: ${words}`);
  if (words !== "") throw new Error(`dump the database: it ended with a warning: ${words}`);
  if (size === 0) throw new Error("dump the database: pg_dump wrote nothing");
  await flush(file);
  return { sha256: digest.digest("hex"), size };
}

/** What pg_dump said, without what is known to be harmless. */
export function suspicious(stderr: string): string {
  return plainText(stderr)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !HARMLESS.some((pattern) => pattern.test(line)))
    .join("\n");
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
