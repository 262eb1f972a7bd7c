import { spawn } from "node:child_process";

/** Exit code of a process whose lock was taken away; its unit starts it again. */
const LOCK_LOST = 70;

/** The lock is held by another process. */
export class LockedError extends Error {
  override readonly name = "LockedError";
}

/** A lock that is held until it is released or until this process ends, however it ends. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes an exclusive lock on a file by flock(2), which the kernel frees with its holder, so no
 * stale lock is possible.
 *
 * Node has no flock, so a small helper of util-linux holds it and lives as long as the pipe from
 * this process: the pipe ends when this process does. Programs started meanwhile don't inherit it.
 *
 * @param waitSeconds how long to wait for the holder; 0 fails at once with a LockedError
 */
export async function acquireLock(path: string, waitSeconds = 0): Promise<Lock> {
  const wait = waitSeconds === 0 ? ["--nonblock"] : ["--timeout", String(waitSeconds)];
  const holder = spawn(
    "flock",
    [...wait, "--conflict-exit-code", "75", path, "sh", "-c", "echo held; exec cat >/dev/null"],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    holder.once("error", reject);
    holder.once("exit", resolve);
  });
  const held = new Promise<"held">((resolve) => {
    holder.stdout.once("data", () => resolve("held"));
  });
  const first = await Promise.race([held, ended]);
  if (first !== "held") {
    if (first === 75) throw new LockedError(`${path} is locked`);
    throw new Error(`flock on ${path} failed: exit code ${first}`);
  }
  let released = false;
  holder.stdin.on("error", () => undefined);
  void ended.then(() => {
    // Without its lock this process may not go on: another one may have begun.
    if (!released) process.exit(LOCK_LOST);
  });
  return {
    release: async () => {
      released = true;
      holder.stdin.end();
      await ended;
    },
  };
}
