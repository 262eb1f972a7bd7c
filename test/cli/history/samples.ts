/** Jobs and runs of Pulumi, an hour apart, with made-up releases. */
import type { PulumiUpdate } from "../../../cli/history/pulumi-history.ts";
import type { InstanceHistory, PastJob, WayBack } from "../../../updater/history-protocol.ts";
import { PROTOCOL } from "../../../updater/protocol.ts";

const BEGIN = Date.parse("2026-03-01T00:00:00Z");
const HOUR = 3_600_000;

/** A minute of an hour, counted from the first one. */
export function at(hour: number, seconds = 0): string {
  return new Date(BEGIN + hour * HOUR + seconds * 1_000).toISOString();
}

export function commitOf(release: number): string {
  return String(release % 10).repeat(40);
}

/** A switch to `v<release>`, which began ten seconds into its hour. */
export function pastJob(sequence: number, changes: Partial<PastJob> = {}): PastJob {
  return {
    sequence,
    kind: "switch",
    outcome: "done",
    openedAt: at(sequence, 10),
    closedAt: at(sequence, 40),
    requestedBy: "ada@desk",
    release: { name: `v${sequence}`, commit: commitOf(sequence) },
    migrations: [],
    profiles: [],
    durations: { total: 30_000, downtime: 1_260 },
    ...changes,
  };
}

/** The `up` that brought {@link pastJob}. */
export function pulumiUpdate(hour: number, changes: Partial<PulumiUpdate> = {}): PulumiUpdate {
  return {
    kind: "update",
    startTime: at(hour),
    endTime: at(hour, 50),
    message: "",
    result: "succeeded",
    config: { "chatalot-deploy:release": { value: `v${hour}`, secret: false } },
    ...changes,
  };
}

/** @param isPrepared whether it is on the server */
export function wayBack(
  release: number,
  changes: Partial<WayBack> = {},
  isPrepared = true,
): WayBack {
  const named = { name: `v${release}`, commit: commitOf(release) };
  return {
    release: named,
    ...(isPrepared ? { prepared: { ...named, migrations: [] } } : {}),
    missing: [],
    pending: [],
    databases: [],
    ...changes,
  };
}

export function instanceHistory(changes: Partial<InstanceHistory> = {}): InstanceHistory {
  return { protocol: PROTOCOL, jobs: [], waysBack: [], ...changes };
}
