import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";
import { readFileIfThere } from "./files.ts";
import { acquireLock, type Lock, LockedError } from "./lock.ts";
import type { InstancePaths } from "./paths.ts";

/** Two operators may ask at the same moment; a submission takes a few seconds on a busy server. */
const SECONDS = 60;

/** A call that was killed frees its lock at once: whoever holds it is at work. */
const RECEIVE_SECONDS = 5;

/** What the holder of a lock leaves in its file for those who wait. */
const holderSchema = z.object({
  process: z.number().int(),
  what: z.string(),
  since: z.iso.datetime(),
});

/**
 * Does something while no job is opened: under the lock under which jobs are opened, and under which the unit
 * finds that none is open. Nothing that waits for an operator's network is done under it.
 *
 * @param waitSeconds for the holder's end
 * @throws LockedError that names the holder
 */
export async function withSubmitLock<T>(
  paths: InstancePaths,
  work: () => Promise<T>,
  waitSeconds = SECONDS,
): Promise<T> {
  return withLock(paths, paths.submitLock, waitSeconds, "another call is at work on it", work);
}

/**
 * Does something while nobody else brings a backup. Jobs may begin and end meanwhile.
 *
 * @throws LockedError that names the holder
 */
export async function withReceiveLock<T>(
  paths: InstancePaths,
  work: () => Promise<T>,
  waitSeconds = RECEIVE_SECONDS,
): Promise<T> {
  const why = "another backup is being brought to it";
  return withLock(paths, paths.receiveLock, waitSeconds, why, work);
}

async function withLock<T>(
  paths: Pick<InstancePaths, "directory">,
  file: string,
  waitSeconds: number,
  why: string,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireNamed(paths, file, waitSeconds, why);
  try {
    const [, , verb = "unknown"] = process.argv;
    const holder = { process: process.pid, what: verb, since: new Date().toISOString() };
    // For others to read: without it the lock holds as well.
    await writeFile(file, JSON.stringify(holder)).catch(() => undefined);
    return await work();
  } finally {
    await lock.release();
  }
}

async function acquireNamed(
  { directory }: Pick<InstancePaths, "directory">,
  file: string,
  waitSeconds: number,
  why: string,
): Promise<Lock> {
  // Gone with every boot.
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    return await acquireLock(file, waitSeconds);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    const holder = await holderOf(file);
    throw new LockedError(
      `${directory} could not be used: ${why}${holder === undefined ? "" : `, ${holder.text}`}, and did not end ` +
        `within ${waitSeconds} s. Nothing was changed. Try again in a minute. If it stays so, look at what ` +
        `it does, on the server: ${holder === undefined ? `fuser -v ${file}` : `ps -fp ${holder.process}`}`,
      { cause: error },
    );
  }
}

/** Undefined where it has not said so yet. */
async function holderOf(file: string): Promise<{ process: number; text: string } | undefined> {
  try {
    const found = holderSchema.parse(JSON.parse((await readFileIfThere(file)) ?? ""));
    const { process, what, since } = found;
    return { process, text: `process ${process} ("${what}", since ${since})` };
  } catch {
    return undefined;
  }
}
