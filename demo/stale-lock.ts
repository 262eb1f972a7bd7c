import { readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** What Pulumi writes into a lock file of a backend that is a folder. */
interface Holder {
  pid: number;
  hostname: string;
}

/**
 * Whether a backend that is a folder has a lock, and nobody holds it any more: a `pulumi` that was
 * killed, or lost its power, leaves its lock. One that still runs has a right to it.
 *
 * @param state the backend's folder, of one stack
 */
export async function hasStaleLock(state: string): Promise<boolean> {
  const folder = join(state, ".pulumi", "locks");
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const locks = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".json"));
  const held = await Promise.all(
    locks.map(({ parentPath, name }) => isHeld(join(parentPath, name))),
  );
  return locks.length > 0 && !held.includes(true);
}

async function isHeld(lock: string): Promise<boolean> {
  const holder = parse(await readFile(lock, "utf8").catch(() => ""));
  // Cut off by a loss of power: whoever wrote it is gone.
  if (holder === undefined) return false;
  // Nothing can be said of a process on another machine.
  if (holder.hostname !== hostname()) return true;
  // Another program may have got the number since.
  const program = await readFile(`/proc/${holder.pid}/comm`, "utf8").catch(() => "");
  return program.trim() === "pulumi";
}

function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}
