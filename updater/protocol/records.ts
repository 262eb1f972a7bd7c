/** What the server keeps of a job that has closed. */
import type { AppliedMigration, DatabaseIdentity, Replacement } from "./database.ts";
import type { HookRun } from "./hooks.ts";
import type { JobKind, ReleaseIdentity } from "./requests.ts";

/** How a job ended. */
export type Outcome =
  /** The wanted state is reached and proven. */
  | "done"
  /** The job failed before it touched the running server. */
  | "untouched"
  /** The new release failed; the one before serves again and is healthy. */
  | "reverted"
  /** A first deployment failed; nothing served before and nothing serves now. */
  | "stopped"
  /**
   * A removal did not end; some of the containers may still be there. A backup was not taken, or not all of
   * those that were checked are good; what serves was not touched.
   */
  | "failed"
  /** The way back failed as well; nothing is done until a person has looked. */
  | "needs-operator";

/** Lengths of time in milliseconds, by what was going on. Absent: did not happen. */
export interface Durations {
  total: number;
  build?: number;
  /** The dump and the reading back of it, while the old server serves. */
  dump?: number;
  /** The dump's proof, while the old server serves. */
  proof?: number;
  /** The copy of the database after the stop. */
  revertPoint?: number;
  /** From the stop of the old server to the first good answer of the one that then served. */
  downtime?: number;
  gate?: number;
}

/** One record for each closed job: what really happened on this server. */
export interface LedgerRecord {
  sequence: number;
  kind: JobKind;
  outcome: Outcome;
  openedAt: string;
  closedAt: string;
  requestedBy: string;
  /** What the job was asked to serve. Absent for a removal. */
  release?: ReleaseIdentity;
  /** For a switch: digest of the configuration it was to bring. */
  configurationDigest?: string;
  /** For a switch: the backup that it was to make the database. */
  databaseBackup?: string;
  /** What served before, as `name (commit)`. */
  from?: { name: string; commit: string };
  /** Why it did not end as asked. */
  cause?: string;
  durations: Durations;
  /** What is needed to start this release again: set where a switch ended as "done". */
  serving?: ServingRecord;
  /** The backup that was taken: by an update before anything was touched, or by hand. */
  backup?: { name: string; size: number; proof: "restored" | "checksum" };
  /** For a check of backups: their names. */
  checked?: string[];
  /** The instance's database from then on, where a revert put a copy in its place. */
  database?: DatabaseIdentity;
  /** Set where the job gave the release a database of an earlier moment. */
  replacement?: Replacement;
  /** The server's hooks that ran. Absent: none did. */
  hooks?: HookRun[];
  /** How often the way back was tried again at a person's word; the record replaces the one before. */
  reopenings?: number;
  /** Set where the job brought the database to another major version of PostgreSQL. */
  upgrade?: DatabaseUpgrade;
}

/** A database that was brought to another major version. */
export interface DatabaseUpgrade {
  from: number;
  to: number;
  /** The volume with the database as it was then. It is kept, and nobody but its operator removes it. */
  left: string;
}

/** The committed state of a switch, from which a later revert or rollback starts. */
export interface ServingRecord {
  /** The folder with the rendered compose file, `.env` and keys, relative to the directory. */
  releaseDirectory: string;
  /** Keyed digest of everything that was rendered, to tell whether a request asks for a change. */
  configurationDigest: string;
  image: string;
  imageId: string;
  /** Compose's own digest of the server container, to notice a container made by somebody else. */
  composeConfigHash: string;
  /**
   * Docker's id of a container that was taken over as it was found: as long as that one serves, it counts as
   * made by this record, although nothing of ours is on it.
   */
  found?: string;
  profiles: string[];
  /** Where it was published. Absent in records of before there was an owner guard. */
  listen?: { address: string; port: number };
  restartPolicy: string;
  /** Keyed digests of the folder's files, to notice edits. Absent in records of earlier versions. */
  files?: Record<string, string>;
  /** Compose's digest of each other service that ran. Absent in records of earlier versions. */
  services?: Record<string, string>;
  database: DatabaseIdentity;
  applied: AppliedMigration[];
  /** What the database runs from in the place of the release's own. Absent: from the release's own. */
  postgres?: PlacedDatabase;
}

/** A database that is not run as the release's compose file says. */
export interface PlacedDatabase {
  /** As a compose file names it. */
  image: string;
  /** Of PostgreSQL, which the image's tag begins with. */
  major: number;
  /** Docker's name of the volume with its data. */
  volume: string;
}

/** What a client gets back for a job, now or when it asks again later. */
export interface Verdict {
  sequence: number;
  kind: JobKind;
  outcome: Outcome;
  instanceId: string;
  /** One paragraph for people, in the form of the house. */
  text: string;
  cause?: string;
  serving?: { name: string; commit: string };
  durations: Durations;
  /** The server's hooks that ran; absent: none did. */
  hooks?: HookRun[];
}
