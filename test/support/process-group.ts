import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

/** How long processes that are told to end may clean up, in milliseconds. */
const GRACE = 10_000;

/**
 * Runs a program with this terminal's output, in a process group of its own, of which nothing runs
 * any more afterwards: a program that forks the real one does not always pass on what ends it.
 *
 * @param stop ends the whole group when it is aborted; its reason, a text, is told
 * @returns the exit code, or what ended it
 */
export async function runInGroup(
  [program, ...rest]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  stop: AbortSignal,
): Promise<number | string> {
  const child = spawn(program, rest, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...environment },
    detached: true,
  });
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([ended, stopped]);
  await endGroup(child);
  const [code, signal] = await ended;
  return stop.aborted ? String(stop.reason) : (code ?? signal ?? "no exit code");
}

/** Ends every process of a child's group, at the latest after {@link GRACE}. */
async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const until = performance.now() + GRACE;
  let isThere = signalGroup(pid, "SIGTERM");
  while (isThere && performance.now() < until) {
    await sleep(50);
    isThere = signalGroup(pid, 0);
  }
  signalGroup(pid, "SIGKILL");
}

/** Says whether there was a process in the group. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EPERM: what is left runs as another user, by sudo, and ends by itself.
    if (code !== "ESRCH" && code !== "EPERM") throw error;
    return false;
  }
}
