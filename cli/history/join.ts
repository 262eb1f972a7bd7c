/**
 * Joins Pulumi's history with the server's ledger. The ledger is what really happened; Pulumi knows the
 * configuration. Neither has the other's number, so they are joined by the release and the time.
 */
import type { PastJob } from "../../updater/history-protocol.ts";
import { isAboutBackups } from "../../updater/texts.ts";
import type { PulumiUpdate } from "./pulumi-history.ts";

/** One line of the history: a job, a run of Pulumi, or both. */
export interface JoinedEntry {
  job?: PastJob;
  update?: PulumiUpdate;
}

/** How far the clocks of server and operator may be apart. */
const CLOCK_TOLERANCE = 5 * 60_000;

/** The name of the setting in Pulumi's history. */
const RELEASE = "chatalot-deploy:release";

interface Run {
  update: PulumiUpdate;
  from: number;
  to: number;
}

/**
 * Newest first. A job without a run is one whose client was killed; a run without a job changed nothing
 * on the server.
 *
 * @param jobs oldest first
 * @param updates newest first, as Pulumi gives them
 */
export function joinHistory(
  jobs: readonly PastJob[],
  updates: readonly PulumiUpdate[],
): JoinedEntry[] {
  const runs = updates.toReversed().map((update): Run => ({
    update,
    from: Date.parse(update.startTime),
    to: Date.parse(update.endTime ?? update.startTime),
  }));
  const queues = new Map<string, { runs: Run[]; at: number }>();
  for (const run of runs) {
    const key = keyOfRun(run.update);
    const queue = queues.get(key);
    if (queue === undefined) queues.set(key, { runs: [run], at: 0 });
    else queue.runs.push(run);
  }
  const joined = new Set<PulumiUpdate>();
  const entries = jobs.filter(isShown).map((job): JoinedEntry & { time: number } => {
    const update = runOf(job, queues.get(keyOfJob(job)));
    if (update !== undefined) joined.add(update);
    const time = Date.parse(job.openedAt);
    return update === undefined ? { job, time } : { job, update, time };
  });
  const others = runs
    .filter(({ update }) => !joined.has(update))
    .map(({ update, from }): JoinedEntry & { time: number } => ({ update, time: from }));
  // The ledger's own order stands, whatever a clock said.
  return merged(entries, others)
    .reverse()
    .map(({ job, update }) => ({
      ...(job === undefined ? {} : { job }),
      ...(update === undefined ? {} : { update }),
    }));
}

/**
 * A preparation that went well is part of the update that follows it; what is done with backups changes
 * nothing that serves.
 */
function isShown({ kind, outcome }: PastJob): boolean {
  if (isAboutBackups(kind)) return false;
  return kind !== "prepare" || outcome !== "done";
}

function keyOfRun({ kind, config }: PulumiUpdate): string {
  return kind === "update" ? `update ${config?.[RELEASE]?.value ?? ""}` : kind;
}

function keyOfJob({ kind, release }: PastJob): string {
  return kind === "remove" ? "destroy" : `update ${release?.name ?? ""}`;
}

/**
 * The run of the release that was under way while the job was, or else the nearest one. Each queue is
 * walked once, since both sides are in the order of time.
 */
function runOf(
  { openedAt, closedAt }: PastJob,
  queue: { runs: Run[]; at: number } | undefined,
): PulumiUpdate | undefined {
  if (queue === undefined) return undefined;
  const [from, to] = [Date.parse(openedAt), Date.parse(closedAt)];
  const endedBefore = (run: Run | undefined, time: number): boolean => (run?.to ?? Infinity) < time;
  const { runs } = queue;
  while (endedBefore(runs[queue.at], from - CLOCK_TOLERANCE)) queue.at += 1;
  // A run that was refused may have been a minute before the one that brought the job.
  while (endedBefore(runs[queue.at], from) && (runs[queue.at + 1]?.from ?? Infinity) <= to)
    queue.at += 1;
  const found = runs[queue.at];
  if (found === undefined || found.from > to + CLOCK_TOLERANCE) return undefined;
  queue.at += 1;
  return found.update;
}

function merged<T extends { time: number }>(a: readonly T[], b: readonly T[]): T[] {
  const all: T[] = [];
  let at = 0;
  for (const entry of a) {
    for (let other = b[at]; other !== undefined && other.time <= entry.time; other = b[at]) {
      all.push(other);
      at += 1;
    }
    all.push(entry);
  }
  return [...all, ...b.slice(at)];
}
