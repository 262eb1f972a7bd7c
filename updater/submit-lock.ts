import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { acquireLock } from "./lock.ts";
import type { InstancePaths } from "./paths.ts";

/** Two operators may ask at the same moment; a submission takes a few seconds on a busy server. */
const SECONDS = 60;

/**
 * Does something while no job is opened: under the lock under which jobs are opened, and under which the unit
 * finds that none is open.
 */
export async function withSubmitLock<T>(paths: InstancePaths, work: () => Promise<T>): Promise<T> {
  // Gone with every boot.
  await mkdir(dirname(paths.submitLock), { recursive: true, mode: 0o700 });
  const lock = await acquireLock(paths.submitLock, SECONDS);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
