/** What is said of the server's hooks: programs of its operator's that run around an update. */

/** Their names, which are those of their files in the directory's folder `hooks`. */
export const HOOKS = ["before-update", "after-update", "on-failure"] as const;
export type HookName = (typeof HOOKS)[number];

/** What is in the folder for hooks. */
export interface HookFiles {
  /** Those that are there, in the order in which they run. */
  names: HookName[];
  /** Why some can't be run, each with its path and what mends it: an update is refused then. */
  problems: string[];
  /** Programs in the folder whose names no hook has. */
  ignored: string[];
}

/** How a hook went in a job. */
export interface HookRun {
  hook: HookName;
  milliseconds: number;
  /** Why it failed, with the last lines that it said; absent: it ended well. */
  problem?: string;
}
