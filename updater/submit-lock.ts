import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { acquireLock, type Lock } from "./lock.ts";
import type { InstancePaths } from "./paths.ts";

/** Two operators may ask at the same moment; a submission takes a few seconds on a busy server. */
const SECONDS = 60;

/** The lock under which jobs are opened, and under which the unit finds that none is open. */
export async function acquireSubmitLock(paths: InstancePaths): Promise<Lock> {
  // Gone with every boot.
  await mkdir(dirname(paths.submitLock), { recursive: true, mode: 0o700 });
  return acquireLock(paths.submitLock, SECONDS);
}
