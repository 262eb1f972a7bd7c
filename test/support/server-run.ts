/** A run of the tests on their servers, which are known by their names to the whole machine. */
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { cachePath } from "../../common/cache.ts";
import { withLock } from "../../toolchain/lock.ts";
import { BASE, serversOfTheTests } from "./server-names.ts";

const WAIT_SECONDS = 90 * 60;

export interface ServerRun {
  /** Runs the levels, and says whether all of their tests were run. */
  levels: () => Promise<boolean>;
  /** Removes a server, if there is one. */
  destroy: (name: string) => Promise<unknown>;
  report: (line: string) => void;
}

/**
 * Runs tests on the servers while no other run on this machine does. A run that does not come to its
 * end leaves them as its faults made them; they are removed before the next one begins.
 */
export async function runOnServers({ levels, destroy, report }: ServerRun): Promise<void> {
  const lock = { what: "runs the server tests", waitSeconds: WAIT_SECONDS, report };
  await withLock(`tests-${BASE}`, lock, async () => {
    const marker = cachePath("unfinished-tests", BASE);
    if ((await stat(marker).catch(() => undefined)) !== undefined) {
      report("An earlier run of the server tests was interrupted: its servers are removed first.");
      for (const name of serversOfTheTests()) await destroy(name);
    }
    await mkdir(dirname(marker), { recursive: true });
    await writeFile(marker, "A run of the server tests has begun, and has not come to its end.\n");
    if (await levels()) await rm(marker);
  });
}
