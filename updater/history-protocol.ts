/**
 * What the updater tells of an instance's past, and of what can be gone back to: the answer to `history`.
 * As all of the conversation (protocol.ts), a change that an older build would misread raises PROTOCOL.
 */
import * as z from "zod";
import {
  jobBase,
  type KeptDatabase,
  type LedgerRecord,
  type OpenJob,
  type ReleaseIdentity,
} from "./protocol.ts";

/** What is asked of an instance's past. Nothing is changed by it. */
export const historyRequestSchema = jobBase.pick({ directory: true, project: true }).extend({
  /** Docker's name of the volume with the uploads. */
  filesVolume: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/),
  /** A kept database that the live one is compared with, by its name. Absent: none. */
  compareWith: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,63}$/)
    .optional(),
});
export type HistoryRequest = z.infer<typeof historyRequestSchema>;

/** A closed job, as {@link LedgerRecord} but short: there may be many of them. */
export interface PastJob extends Pick<
  LedgerRecord,
  | "sequence"
  | "kind"
  | "outcome"
  | "openedAt"
  | "closedAt"
  | "requestedBy"
  | "from"
  | "cause"
  | "durations"
  | "backup"
  | "replacement"
> {
  release?: { name: string; commit: string };
  /** For a switch that is done: migrations that the database had afterwards and not before. */
  migrations?: string[];
  /** For a switch that is done: the optional services that ran. */
  profiles?: string[];
}

/** A database of an earlier moment that a release can start on. */
export interface FittingDatabase extends Omit<KeptDatabase, "applied"> {
  /** Versions of the release's migrations that it doesn't have. Absent in answers of an older version. */
  pending?: number[];
}

/** Whether, and by what, a release that served can serve again now. */
export interface WayBack {
  release: { name: string; commit: string };
  /** All of it, where its tree and image are on the server: nothing has to be fetched or built then. */
  prepared?: ReleaseIdentity;
  /** Migrations of the live database that the release doesn't know: code alone can't go back. */
  missing: string[];
  /** Its migrations that the live database doesn't have: they would be applied. */
  pending: string[];
  /** Why it can't serve whatever is done: another PostgreSQL, a migration with other content. */
  obstacle?: string;
  /** Databases of earlier moments that the release can start on, the best of each way first. */
  databases: FittingDatabase[];
}

/** What is in the live database, and not in one of an earlier moment. */
export interface Loss {
  name: string;
  at: string;
  /** Rows more than there, by `schema.table`; negative: fewer. Tables without a difference are left out. */
  rows: Record<string, number>;
  /** Files of the volume with uploads that came since. */
  uploads: number;
}

/** An instance's past, and what can be gone back to. */
export interface InstanceHistory {
  protocol: number;
  /** Oldest first. */
  jobs: PastJob[];
  /** The job that brought what serves. */
  serving?: number;
  openJob?: OpenJob;
  /** For each commit that served, and each that is on the server. */
  waysBack: WayBack[];
  loss?: Loss;
}
