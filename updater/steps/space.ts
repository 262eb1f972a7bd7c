import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { dumpFile, listBackups } from "../backups.ts";
import type { DiskUse } from "../drivers/driver.ts";
import type { JobContext } from "./step.ts";

/** Below this a build or a rendered release may fail half-way; the real image has about 150 MB. */
const MINIMUM_FREE_BYTES = 1024 ** 3;

/** Less than this isn't worth a line. */
const WORTH_TELLING = 1024 ** 2;

/**
 * Refuses to begin what would fill the disk under the running server, and says what can be freed.
 *
 * @param needed bytes that will be written, besides what has to be free anyway
 */
export async function requireSpace(
  context: Pick<JobContext, "driver" | "paths">,
  folder: string,
  needed = 0,
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const [free, wanted] = [bavail * bsize, MINIMUM_FREE_BYTES + needed];
  if (free >= wanted) return;
  throw new Error(
    `too little disk space: ${megabytes(free)} MB free on ${folder}, ${megabytes(wanted)} MB needed` +
      (needed === 0 ? "" : ", with the backup and its proof") +
      (await freeable(context)),
  );
}

/** Whether two folders lie on the same file system. */
export async function sameDisk(one: string, other: string): Promise<boolean> {
  return (await stat(one)).dev === (await stat(other)).dev;
}

/** The largest first, each with the one command that frees it. */
async function freeable({ driver, paths }: Pick<JobContext, "driver" | "paths">): Promise<string> {
  const uses = [...(await driver.reclaimable()), ...(await olderBackups(paths))]
    .filter(({ bytes }) => bytes >= WORTH_TELLING)
    .sort((a, b) => b.bytes - a.bytes);
  if (uses.length === 0) return "";
  const lines = uses.map(
    ({ what, bytes, command }) => `  ${megabytes(bytes)} MB ${what}: ${command}`,
  );
  return `. What can be freed on the server, as root:\n${lines.join("\n")}`;
}

/** All but the newest proven one, which always stays. */
async function olderBackups(paths: JobContext["paths"]): Promise<DiskUse[]> {
  const backups = await listBackups(paths);
  const newestProven = backups.findLast(({ manifest }) => manifest.proof !== undefined);
  const older = backups.slice(0, newestProven === undefined ? 0 : backups.indexOf(newestProven));
  return Promise.all(
    older.map(async ({ name }) => ({
      what: `the backup ${name}; copy it away first if it matters`,
      bytes: (await stat(dumpFile(paths, name))).size,
      command: `rm -r ${join(paths.backups, name)}`,
    })),
  );
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
