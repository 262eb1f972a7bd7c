/** J11: after the commit. Every part may be repeated; none of them can undo the update. */
import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { docker } from "../drivers/compose/docker.ts";
import { linkDurably } from "../files.ts";
import type { Ledger } from "../ledger.ts";
import type { InstancePaths } from "../paths.ts";
import type { ServingRecord } from "../protocol.ts";
import type { JobContext } from "./step.ts";
import { switchTarget } from "./step.ts";

/** Lets the committed server come back at boot, and the operator's directory show it. */
export async function settle(context: JobContext, serving: ServingRecord): Promise<void> {
  const { driver, paths } = context;
  await driver.setRestartPolicy(serving.restartPolicy);
  await linkDurably(paths.current, serving.releaseDirectory);
  await linkDurably(paths.composeFile, join(basename(paths.current), "compose.yaml"));
  await linkDurably(paths.environmentFile, join(basename(paths.current), ".env"));
}

/** Removes what retention no longer keeps. A failure is told and changes nothing else. */
export async function sweep(context: JobContext): Promise<void> {
  const { driver, paths, job, ledger, progress } = context;
  const kept = keptCommits(ledger, switchTarget(context).keepReleases);
  kept.add(job.plan.release?.commit ?? "");
  for (const commit of sweptCommits(ledger, kept)) {
    try {
      await rm(join(paths.trees, commit), { recursive: true, force: true });
      // Without --force: an image that a container still uses is kept by Docker.
      await docker("remove an old image", ["image", "rm", driver.imageName(commit)]).catch(
        () => undefined,
      );
      await removeRenderings(paths, commit);
    } catch (error) {
      progress.tell("J11", `kept what is left of ${commit.slice(0, 12)}: ${String(error)}`);
    }
  }
}

/** The newest commits that served, up to a number. */
export function keptCommits(ledger: Pick<Ledger, "records">, releases: number): Set<string> {
  const kept = new Set<string>();
  for (const { kind, outcome, release } of [...ledger.records].reverse())
    if (kind === "switch" && outcome === "done" && release !== undefined && kept.size < releases)
      kept.add(release.commit);
  return kept;
}

/** Commits that this server was once asked to serve and that are not kept. Nothing else is ever removed. */
export function sweptCommits(ledger: Pick<Ledger, "records">, kept: ReadonlySet<string>): string[] {
  const known = ledger.records.flatMap(({ kind, release }) =>
    kind === "switch" && release !== undefined ? [release.commit] : [],
  );
  return [...new Set(known)].filter((commit) => !kept.has(commit));
}

async function removeRenderings(paths: InstancePaths, commit: string): Promise<void> {
  for (const name of await readdir(paths.releases))
    if (name.startsWith(`${commit.slice(0, 12)}-`))
      await rm(join(paths.releases, name), { recursive: true, force: true });
}
