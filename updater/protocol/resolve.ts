/** How a person and the updater talk of a job that could not end by itself. */
import * as z from "zod";
import type { AppliedMigration } from "./database.ts";
import { directorySchema, PROTOCOL } from "./requests.ts";

/** What the operator wants of an instance that needs them. */
export const resolveRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
  /**
   * `show` reads; `clear` lets jobs begin again; `take-back` has the way back of the failed job tried once
   * more.
   */
  action: z.enum(["show", "clear", "take-back"]),
  requestedBy: z.string().max(300),
});
export type ResolveRequest = z.infer<typeof resolveRequestSchema>;

/** What the server has, for a person who has to decide. */
export interface Predicament {
  /** Why no job is accepted. */
  marker: string;
  directory: string;
  /** The job that needs the operator; absent where its journal is gone. */
  job?: {
    sequence: number;
    requestedBy: string;
    openedAt: string;
    cause: string;
    /** Where the way back ended. */
    step: string;
    release?: { name: string; commit: string };
    /** What served before. */
    previous?: { name: string; commit: string };
    progressFile: string;
  };
  containers: { name: string; state: string; commit?: string }[];
  /** Absent where it does not answer. */
  database?: {
    name: string;
    applied: AppliedMigration[];
    /** Those of `applied` that the release which served before does not know. */
    unknownBefore: AppliedMigration[];
    /** The copy of the moment in which the old server had stopped, where it is still beside the live one. */
    revertPoint?: string;
    /** The name that the live database gets, or has got, when the revert point takes its place. */
    failed: string;
    failedIsThere: boolean;
  };
  /** Oldest first. */
  backups: {
    dumpFile: string;
    takenAt: string;
    release: string;
    size: number;
    provenAt?: string;
  }[];
  /** Why the way back can't be tried again by the updater; absent where it can. */
  noWayBack?: string;
}

/** The answer to a {@link ResolveRequest}. */
export type ResolveAnswer =
  | { answer: "nothing" }
  | { answer: "shown"; predicament: Predicament }
  | { answer: "cleared" }
  /** The failed job is open again; its progress so far is known already. */
  | { answer: "reopened"; sequence: number; offset: number }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };
