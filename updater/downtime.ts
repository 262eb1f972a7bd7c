/** How long nobody could use the chat, from the journal. */
import { describeMilliseconds } from "../common/duration.ts";
import type { Job } from "./job.ts";

/**
 * From the stop of the old server to the first good answer of the one that then served, or until its
 * door was opened. Undefined where nothing served before, or where the old one was never stopped.
 *
 * @param answeredBy the step that proved the server that serves now
 */
export function downtimeOf(job: Job, answeredBy: "J9" | "R3"): number | undefined {
  const stopped = stoppedAt(job);
  const good = answeredBy === "J9" ? goodSince(job) : job.factsOf("R3")?.firstGoodAt;
  return typeof stopped === "number" && typeof good === "number"
    ? Math.max(0, good - stopped)
    : undefined;
}

function stoppedAt(job: Job): unknown {
  if (job.factsOf("R1")?.neverStopped === true) return undefined;
  for (const step of ["J6", "J8"]) {
    const facts = job.factsOf(step);
    // A job that was killed in the middle of the step has no facts of it.
    if (facts === undefined) return job.begunAt(step);
    if (facts.stoppedAt !== undefined) return facts.stoppedAt;
  }
  return undefined;
}

function goodSince(job: Job): unknown {
  return job.factsOf("J11")?.openedAt ?? job.factsOf("J9")?.firstGoodAt;
}

/** "Away 0.7 s." for the result line. */
export function awayText(downtime: number | undefined): string {
  return downtime === undefined ? "" : ` Away ${describeMilliseconds(downtime)}.`;
}
