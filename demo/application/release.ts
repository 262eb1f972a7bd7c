import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** One migration as it was when the image was built. */
export interface Migration {
  version: number;
  description: string;
  sql: string;
}

/** What a release does wrong, on purpose. A good one does nothing of it. */
export interface Behaviour {
  /** `false`: the process runs and never opens its port. */
  listens?: boolean;
  /** How it answers GET /api/health instead of the right way. */
  health?: "degraded" | "flapping" | "html" | "redirect" | "huge" | "slow";
  /** The version that it claims to be. */
  version?: string;
  /** The process ends this long after it began to listen. */
  exitsAfterSeconds?: number;
  /** The exit code then. */
  exitCode?: number;
  /** Memory taken and written to after the migrations, before it listens. */
  allocatesMegabytes?: number;
}

/** What was built into the image beside the program: written by the sample's scripts/build.mjs. */
export interface Release {
  /** The crate's version, which many releases share. */
  version: string;
  /** The web client's version, which each release raises. */
  webVersion: string;
  migrations: Migration[];
  behaviour: Behaviour;
}

/** Reads `release.json` beside the program. */
export function readRelease(): Release {
  const file = join(dirname(process.argv[1] ?? "."), "release.json");
  return JSON.parse(readFileSync(file, "utf8")) as Release;
}
