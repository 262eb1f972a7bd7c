/** J11: after the commit. Every part may be repeated; none of them can undo the update. */
import { lstat, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { linkDurably } from "../files.ts";
import type { Ledger } from "../ledger.ts";
import { jobSequences } from "../job.ts";
import { jobPaths } from "../paths.ts";
import { messageOf } from "../../common/errors.ts";
import { directoryLinks, keepEdits } from "../release-files.ts";
import { servedReleases } from "../retention.ts";
import type { ServingRecord } from "../protocol.ts";
import type { Facts, JobContext } from "./step.ts";
import { switchTarget } from "./step.ts";
import { renderedRecord } from "./renderings.ts";

/** Jobs whose journal and progress stay for a look; the ledger keeps the facts of all. */
const KEPT_JOBS = 50;

/** How long something that was sent waits for its job, in milliseconds. */
const KEPT_INCOMING = 24 * 3_600_000;

/**
 * Lets users reach the committed server, lets it come back at boot, and the operator's directory show
 * it.
 */
export async function settle(context: JobContext, serving: ServingRecord): Promise<Facts> {
  const { driver, job, paths, progress } = context;
  const rendered = renderedRecord(context, serving);
  // Until here nothing would have started it again: after a power cut it is still away.
  if ((await driver.server())?.running !== true)
    await driver.start(rendered, {
      mustServe: true,
      tell: (text) => progress.tell("J11", text),
    });
  const isClosed = job.factsOf("J8")?.door === "closed";
  if (isClosed) await driver.openDoor(rendered);
  const openedAt = Date.now();
  await driver.setRestartPolicy(serving.restartPolicy);
  const { sequence, plan } = job;
  const kept = await keepEdits(paths, { sequence, previous: plan.previous?.serving });
  if (kept.length > 0)
    progress.tell("J11", `your edited files were kept in ${paths.directory}: ${kept.join(", ")}`);
  for (const { path, target } of directoryLinks(paths, serving.releaseDirectory))
    await linkDurably(path, target);
  const removed = await driver.removeLeftovers(rendered).catch((error: unknown): string[] => {
    progress.tell("J11", `a service that is switched off still runs: ${messageOf(error)}`);
    return [];
  });
  if (removed.length > 0) progress.tell("J11", `switched off and removed: ${removed.join(", ")}`);
  return isClosed ? { openedAt } : {};
}

/** Removes what retention no longer keeps. A failure is told and changes nothing else. */
export async function sweep(context: JobContext): Promise<void> {
  const { driver, paths, job, ledger, progress } = context;
  const kept = keptCommits(ledger, switchTarget(context).keepReleases);
  kept.add(job.plan.release?.commit ?? "");
  try {
    for (const commit of sweptCommits(ledger, kept)) {
      await driver.removeImages(commit);
      await rm(join(paths.trees, commit), { recursive: true, force: true });
    }
    const renderings = keptRenderings(ledger, kept);
    // A container that an update left as it was still has its keys from an earlier folder.
    const used = await driver.usedPaths();
    for (const name of await readdir(paths.releases)) {
      const folder = join(paths.releases, name);
      const isUsed = used.some((path) => path.startsWith(`${folder}/`));
      if (!isUsed && !renderings.has(join(basename(paths.releases), name)))
        await rm(folder, { recursive: true, force: true });
    }
    await sweepIncoming(paths.incoming);
    for (const sequence of (await jobSequences(paths)).slice(0, -KEPT_JOBS))
      await rm(jobPaths(paths, sequence).directory, { recursive: true, force: true });
  } catch (error) {
    progress.tell("J11", `not everything old could be removed: ${messageOf(error)}`);
  }
}

/** What another operator has just sent, or sends now, waits for a job of theirs. */
async function sweepIncoming(incoming: string): Promise<void> {
  const limit = Date.now() - KEPT_INCOMING;
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name);
    const facts = await lstat(path).catch(() => undefined);
    if (facts !== undefined && facts.mtimeMs < limit)
      await rm(path, { recursive: true, force: true });
  }
}

/** The newest commits that served, up to a number. */
export function keptCommits(ledger: Pick<Ledger, "records">, releases: number): Set<string> {
  const served = servedReleases(ledger).slice(0, releases);
  return new Set(served.map(({ commit }) => commit));
}

/** Commits that this server was once given and that are not kept. Nothing else is ever removed. */
export function sweptCommits(ledger: Pick<Ledger, "records">, kept: ReadonlySet<string>): string[] {
  // What was prepared last may be waiting for its switch.
  const waiting = ledger.records.findLast(({ kind }) => kind === "prepare")?.release?.commit;
  const known = ledger.records.flatMap(({ release }) =>
    release === undefined ? [] : [release.commit],
  );
  return [...new Set(known)].filter((commit) => !kept.has(commit) && commit !== waiting);
}

/** For each kept commit the folder that it served from last. */
export function keptRenderings(
  ledger: Pick<Ledger, "records">,
  kept: ReadonlySet<string>,
): Set<string> {
  const newest = new Map<string, string>();
  for (const { outcome, release, serving } of ledger.records)
    if (outcome === "done" && release !== undefined && serving !== undefined)
      newest.set(release.commit, serving.releaseDirectory);
  return new Set([...newest].filter(([commit]) => kept.has(commit)).map(([, folder]) => folder));
}
