/** What an operator can free where a disk is too full to begin, each thing with the one command for it. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { describeBytes } from "../common/size.ts";
import { dumpFile, listBackups } from "./backups.ts";
import type { Driver } from "./drivers/driver.ts";
import type { InstancePaths } from "./paths.ts";

/** Something that takes room on the disk and that nothing which serves needs. */
export interface DiskUse {
  what: string;
  bytes: number;
  /** What frees it, for root to type. */
  command: string;
}

/** Whether something was not begun for want of room (steps/space.ts). Its text has the numbers. */
export function isRefusedForRoom(text: string): boolean {
  return /^too (little disk space|few free inodes): /.test(text);
}

/** Whether a program or the system gave up for want of space or inodes, in whatever words; -122 is a quota. */
export function isDiskFull(text: string): boolean {
  return /\bENOSPC\b|no space left on device|disk quota exceeded|system error -122\b/i.test(text);
}

/** Less than this isn't worth a line. */
const WORTH_TELLING = 1024 ** 2;

/** The largest first, one line each; empty where there is nothing. */
export async function freeableText(
  driver: Pick<Driver, "reclaimable">,
  paths: InstancePaths,
): Promise<string> {
  const uses = [...(await driver.reclaimable()), ...(await olderBackups(paths))]
    .filter(({ bytes }) => bytes >= WORTH_TELLING)
    .sort((a, b) => b.bytes - a.bytes);
  if (uses.length === 0) return "";
  const lines = uses.map(
    ({ what, bytes, command }) => `  ${describeBytes(bytes)} ${what}: ${command}`,
  );
  return `. What can be freed on the server, as root:\n${lines.join("\n")}`;
}

/** All but the newest proven one, which always stays. */
async function olderBackups(paths: InstancePaths): Promise<DiskUse[]> {
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
