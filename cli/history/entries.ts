/** The lines of `npx chatalot history`: what was done, and whether it can be gone back to now. */
import type { InstanceHistory, PastJob, WayBack } from "../../updater/history-protocol.ts";
import { counted } from "../../common/text.ts";
import { firstOfEachWay } from "../../updater/kept-databases.ts";
import type { Durations } from "../../updater/protocol.ts";
import { joinHistory, type JoinedEntry } from "./join.ts";
import type { PulumiUpdate } from "./pulumi-history.ts";

/** One update, as `history --json` has it. Members are added in later versions, never renamed. */
export interface HistoryEntry {
  /** The job's number; absent for a run of Pulumi that had no job on the server. */
  job?: number;
  at: string;
  by?: string;
  release?: { name: string; commit: string };
  /** Migrations that it applied. */
  migrations: string[];
  /** How the job ended by the server's ledger; without a job, how Pulumi says that the run ended. */
  result: string;
  cause?: string;
  /** In seconds. */
  durations?: Omit<Durations, "revertPoint">;
  /** The backup that it took before, and how that was proven. */
  backup?: { name: string; size: number; proof: string };
  /** The database of an earlier moment that it put in the live one's place. */
  replacement?: PastJob["replacement"];
  /** The run of Pulumi; absent where the ledger alone knows of it, as after a killed client. */
  pulumi?: { startedAt: string; result: string; message?: string };
  /** Whether it can be gone back to; absent where nothing served afterwards that could. */
  back?: Back;
}

/** Whether a release can serve again, and what that needs. */
export interface Back {
  /**
   * `serves`: it is what serves. `ready`: by `rollback` alone. `needs-database`: the database has
   * migrations that it doesn't know, so a way for the database must be chosen. `impossible`: see `needs`.
   */
  state: "serves" | "ready" | "needs-database" | "impossible";
  /** In words for people. */
  needs: string;
  /** Migrations of the database that it doesn't know. */
  missing: string[];
  /** Databases of earlier moments that it can start on, the best of each way first. */
  databases: WayBack["databases"];
}

/** Newest first. The work grows with the number of jobs and runs, and not faster. */
export function historyEntries(
  history: InstanceHistory,
  updates: readonly PulumiUpdate[],
): HistoryEntry[] {
  const backs = new Map(history.waysBack.map((way) => [way.release.commit, backBy(way)]));
  return joinHistory(history.jobs, updates).map((entry) => ({
    ...factsOf(entry),
    ...pulumiOf(entry),
    ...(entry.job === undefined ? {} : backOf(entry.job, history.serving, backs)),
  }));
}

function factsOf({ job, update }: JoinedEntry): HistoryEntry {
  if (job === undefined)
    return {
      at: new Date(update?.startTime ?? 0).toISOString(),
      migrations: [],
      result:
        update?.kind === "update" ? (update.result ?? "") : `${update?.kind} ${update?.result}`,
    };
  const { sequence, openedAt, requestedBy, release, outcome, cause, durations, backup } = job;
  const first = cause?.split("\n")[0];
  return {
    job: sequence,
    at: openedAt,
    by: requestedBy,
    ...(release === undefined ? {} : { release }),
    migrations: job.migrations ?? [],
    result: job.kind === "remove" && outcome === "done" ? "removed" : outcome,
    ...(first === undefined ? {} : { cause: first }),
    durations: secondsOf(durations),
    ...(backup === undefined ? {} : { backup }),
    ...(job.replacement === undefined ? {} : { replacement: job.replacement }),
  };
}

function secondsOf({ revertPoint: _, ...durations }: Durations) {
  const seconds = Object.entries(durations).map(([name, milliseconds]: [string, number]) => [
    name,
    Math.round(milliseconds / 100) / 10,
  ]);
  return Object.fromEntries(seconds) as NonNullable<HistoryEntry["durations"]>;
}

function pulumiOf({ update }: JoinedEntry): Pick<HistoryEntry, "pulumi"> {
  if (update === undefined) return {};
  const { startTime, result, message } = update;
  return {
    pulumi: {
      ...{ startedAt: startTime, result },
      ...(message === undefined || message === "" ? {} : { message }),
    },
  };
}

function backOf(
  { sequence, kind, outcome, release }: PastJob,
  serving: number | undefined,
  backs: ReadonlyMap<string, Back>,
): Pick<HistoryEntry, "back"> {
  if (kind !== "switch" || outcome !== "done" || release === undefined) return {};
  if (sequence === serving)
    return { back: { state: "serves", needs: "it serves", missing: [], databases: [] } };
  const back = backs.get(release.commit);
  return back === undefined ? {} : { back };
}

/** What a release needs to serve again. */
function backBy({ prepared, missing, pending, obstacle, databases }: WayBack): Back {
  const facts = { missing, databases };
  if (obstacle !== undefined) return { state: "impossible", needs: obstacle, ...facts };
  const build = prepared !== undefined ? [] : ["its image is fetched or built again"];
  const count = (names: readonly string[]): string => counted(names.length, "migration");
  if (missing.length === 0) {
    const steps = pending.length === 0 ? build : [...build, `${count(pending)} will be applied`];
    return { state: "ready", needs: steps.length === 0 ? "nothing" : steps.join("; "), ...facts };
  }
  const ways = firstOfEachWay(databases).map(({ way }) => way);
  const between = `${count(missing)} between`;
  const way =
    ways.length === 0
      ? `--database undo-scripts (${between}, no database of that time is kept)`
      : `--database ${ways.join(" or ")} (${between})`;
  return { state: "needs-database", needs: [way, ...build].join("; "), ...facts };
}
