import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { UserError } from "../common/errors.ts";
import { cachePath } from "../common/cache.ts";
import { writeAtomically } from "./cache.ts";

/** What flock(1) is told to exit with when another process has the lock. */
const lockIsTaken = 75;

export interface LockOptions {
  /** What is done under the lock, for the one who waits: "builds the Pulumi engine". */
  what: string;
  /** How long to wait for another holder, in seconds. */
  waitSeconds: number;
  /** Told when there is somebody to wait for. */
  report: (line: string) => void;
  /**
   * The folder of the lock files.
   *
   * @default `locks` in the project's cache
   */
  directory?: string;
}

/**
 * Runs a task that only one process on this machine may run at a time.
 *
 * The lock is held by a flock(1) child that reads from a pipe of this process. It therefore ends
 * with this process, however that ends, and nothing has to be removed by hand.
 *
 * @param name which lock; the lock's file has this name
 */
export async function withLock<T>(
  name: string,
  options: LockOptions,
  task: () => Promise<T>,
): Promise<T> {
  const directory = options.directory ?? cachePath("locks");
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, `${name}.lock`);
  const holder = (await acquire(file, ["--nonblock"])) ?? (await waitFor(file, options));
  try {
    await writeAtomically(`${file}.holder`, `process ${process.pid}, which ${options.what}`);
    return await task();
  } finally {
    await rm(`${file}.holder`, { force: true });
    await release(holder);
  }
}

async function waitFor(file: string, options: LockOptions): Promise<ChildProcess> {
  const who = await readFile(`${file}.holder`, "utf8").catch(() => "another process");
  options.report(`Waiting for ${who} (at most ${Math.ceil(options.waitSeconds / 60)} min).`);
  const holder = await acquire(file, ["--timeout", String(options.waitSeconds)]);
  if (holder !== undefined) return holder;
  throw new UserError(
    `The wait for ${who} was given up: it was not done after ${options.waitSeconds} s. ` +
      "Look what that process does, end it and start again.",
  );
}

/** Starts the child that holds the lock. Resolves to undefined when another process has it. */
async function acquire(file: string, options: string[]): Promise<ChildProcess | undefined> {
  const hold = ["sh", "-c", "echo held; exec cat >/dev/null"];
  const args = [...options, "--conflict-exit-code", String(lockIsTaken), file, ...hold];
  // A process group of its own: the terminal's ^C must not free the lock before the task has ended.
  const child = spawn("flock", args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => resolve(child));
    child.once("exit", (code) => {
      if (code === lockIsTaken) resolve(undefined);
      else reject(new UserError(cannotLock(file, `flock ended with exit code ${code}`)));
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      reject(new UserError(cannotLock(file, missing ? "there is no flock" : error.message)));
    });
  });
}

function cannotLock(file: string, cause: string): string {
  return (
    `The lock ${file} could not be taken: ${cause}. ` +
    "Install util-linux and make the folder writable for this user."
  );
}

async function release(holder: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (holder.exitCode !== null || holder.signalCode !== null) resolve();
    else holder.once("exit", () => resolve());
  });
  holder.stdin?.end();
  await ended;
}
