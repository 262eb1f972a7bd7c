/** The processes that one command of the operator started, and their end. */
import { readdir, readFile } from "node:fs/promises";

export interface Process {
  pid: number;
  /** Its arguments, separated by spaces. */
  command: string;
}

/** A process and all that descend from it, itself first. */
export async function processTree(pid: number): Promise<Process[]> {
  const all = await everyProcess();
  const tree = all.filter((process) => process.pid === pid);
  for (const found of tree) tree.push(...all.filter(({ parent }) => parent === found.pid));
  return tree;
}

/** Ends processes at once, without a chance to clean up. */
export function killAll(processes: readonly Process[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Those of the processes that still run. */
export async function stillRunning(processes: readonly Process[]): Promise<Process[]> {
  const now = new Map((await everyProcess()).map(({ pid, command }) => [pid, command]));
  return processes.filter(({ pid, command }) => now.get(pid) === command);
}

async function everyProcess(): Promise<(Process & { parent: number })[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const read = await Promise.all(
    pids.map(async (pid) => {
      try {
        const [stat, command] = await Promise.all([
          readFile(`/proc/${pid}/stat`, "utf8"),
          readFile(`/proc/${pid}/cmdline`, "utf8"),
        ]);
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z") return undefined;
        return {
          pid: Number(pid),
          parent: Number(parent),
          command: command.replaceAll("\0", " ").trim(),
        };
      } catch {
        return undefined;
      }
    }),
  );
  return read.filter((process) => process !== undefined);
}
