import { link, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import { UserError } from "../common/errors.ts";

/** Milliseconds between two looks at a lock that another process holds. */
const PAUSE = 100;

/**
 * Does something while no other process does it under the same lock file.
 *
 * A lock whose process has ended is taken over, and so is one that is older than anything may take:
 * after a restart of the machine its number can belong to another process.
 *
 * @param longest milliseconds that the work can take at most
 * @throws UserError where the lock isn't free after that time
 */
export async function withLock<T>(
  file: string,
  longest: number,
  work: () => Promise<T>,
): Promise<T> {
  const mine = await acquire(file, longest);
  try {
    return await work();
  } finally {
    // Taken over by another process meanwhile, it is that one's to remove.
    if ((await read(file)) === mine) await rm(file, { force: true });
  }
}

async function acquire(file: string, longest: number): Promise<string> {
  const mine = JSON.stringify({ process: process.pid, id: randomUUID() });
  const own = `${file}.${randomUUID()}`;
  const end = performance.now() + longest;
  await writeFile(own, mine, { mode: 0o600 });
  try {
    for (;;) {
      // Unlike an exclusive open, a link never shows the others an empty file.
      if (await succeeds(link(own, file))) return mine;
      const holder = await read(file);
      if (holder !== undefined && (await isLeftBehind(file, holder, longest))) {
        await remove(file, holder);
      } else if (performance.now() > end) {
        throw new UserError(
          `Another process is reading the same repository: ${file} is held by ${holder ?? "it"}. ` +
            "Wait until it has ended; if there is none, delete the file.",
        );
      } else {
        await sleep(PAUSE);
      }
    }
  } finally {
    await rm(own, { force: true });
  }
}

async function succeeds(action: Promise<void>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function isLeftBehind(file: string, holder: string, longest: number): Promise<boolean> {
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > longest) return true;
  const number = Number(/"process":(\d+)/.exec(holder)?.[1] ?? 0);
  // A number of zero would mean this process's own group.
  if (number === 0) return true;
  try {
    process.kill(number, 0);
    return false;
  } catch (error) {
    // Another user's process does exist.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Takes the lock file away, unless another process was faster and it is that one's by now. */
async function remove(file: string, holder: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  if ((await read(aside)) !== holder) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}
