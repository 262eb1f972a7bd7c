/**
 * What is said between the operator's side and the updater on the server. Both are built from this
 * file, but a server may still run a job of an older build: a change that such a build would
 * misread raises {@link PROTOCOL}.
 */
import { z } from "zod";
import { parseImage } from "../common/image-reference.ts";

/** The version of this conversation; the journal of every job carries it. */
export const PROTOCOL = 1;

const commit = z.string().regex(/^[0-9a-f]{40}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const milliseconds = z.number().int().nonnegative();

/** Absolute, without `..`, without characters that a unit name or a compose file would have to escape. */
export const directorySchema = z
  .string()
  // The name of a unit is made of it, which has 255 characters at the most.
  .max(100)
  .regex(/^(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/)
  .refine((path) => !path.split("/").includes(".."));

/** One SQL file of a release. */
const migration = z.object({
  version: z.number().int(),
  description: z.string(),
  /** The file's name: `049_reactions.sql`. */
  file: z.string(),
  /** SHA-384 of the file's bytes, as sqlx computes it, in hex. */
  checksum: z.string().regex(/^[0-9a-f]{96}$/),
});
export type Migration = z.infer<typeof migration>;

/** A release as the operator's side resolved it; every later comparison is with these values. */
const releaseIdentity = z.object({
  /** The tag or commit as the operator wrote it. */
  name: z.string().min(1).max(300),
  commit,
  /** The version that /api/health reports, where the commit tells it; several releases may share one. */
  crateVersion: z.string().optional(),
  /** The version in the web client's version.json, where the release has one. */
  webVersion: z.string().optional(),
  migrations: z.array(migration),
});
export type ReleaseIdentity = z.infer<typeof releaseIdentity>;

/** What every job has in common. */
const jobBase = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
  /** The Compose project, which is also the first half of the volumes' names. */
  project: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
  /** The instance that the stack knows; absent when it has deployed nothing yet. */
  instanceId: z.string().optional(),
  /** Docker's names of the volumes with users' data, to notice data that are not ours. */
  volumes: z.array(z.string()),
  /** Who asked, for the ledger and for the refusal that another operator gets. */
  requestedBy: z.string().max(300),
});

/** Where the release's images come from, and what making them may take. */
const imageOrder = z.object({
  /**
   * `build` from the tree; `pull` from the references; `auto`: pull, else build; `sent`: the
   * operator's side has put them there already.
   */
  source: z.enum(["build", "pull", "auto", "sent"]),
  /** Names under which the image of service `chatalot` may be had, the likeliest first. */
  references: z
    .array(z.string().refine((text) => parseImage(text) !== undefined))
    .max(10)
    .default([]),
  /** The most memory that a build may take, in bytes. Absent: no limit. */
  memoryBytes: z.number().int().positive().optional(),
  /** How much build cache stays after a build, in bytes. Absent: all of it. */
  cacheBytes: z.number().int().nonnegative().optional(),
});
export type ImageOrder = z.infer<typeof imageOrder>;

const prepareRequest = jobBase.extend({
  kind: z.literal("prepare"),
  release: releaseIdentity,
  /** Absent, as from an older client: built without limits. */
  images: imageOrder.optional(),
  /** The uploaded archive of the commit's tree; absent when the tree is on the server already. */
  archive: z.object({ sha256, size: z.number().int() }).optional(),
});

/** Everything besides the release that decides how the server runs. */
const configuration = z.object({
  url: z.string().optional(),
  listen: z.object({ address: z.string(), port: z.number().int().min(1).max(65_535) }),
  /** Absent or `loopback`: see owner-guard.ts. `open`: published as asked, also without an account. */
  beforeOwner: z.enum(["loopback", "open"]).optional(),
  env: z.record(z.string(), z.string()),
  /** Secret: arrives by standard input and is written to files of mode 0600 only. */
  secretEnv: z.record(z.string(), z.string()),
  profiles: z.array(z.string()),
  databaseVolume: z.string(),
  filesVolume: z.string(),
});
export type Configuration = z.infer<typeof configuration>;

/** Values for a server that has none yet. Where the server has one, the server's stands. */
const proposedSecrets = z.object({
  databasePassword: z.string().regex(/^[A-Za-z0-9]{16,128}$/),
  totpEncryptionKey: z.string().regex(/^[0-9a-f]{64}$/),
  jwtPrivateKey: z.string().startsWith("-----BEGIN PRIVATE KEY-----"),
  jwtPublicKey: z.string().startsWith("-----BEGIN PUBLIC KEY-----"),
});
export type InstanceSecrets = z.infer<typeof proposedSecrets>;

const gateLimits = z.object({
  /** How long the new server may take to become healthy once its migrations are done. */
  timeout: milliseconds,
  /** How long its migrations may take. */
  migrationTimeout: milliseconds,
  /** How long it must then stay healthy without a break. */
  mustStayGoodFor: milliseconds,
});
export type GateLimits = z.infer<typeof gateLimits>;

/** How the database can be brought to what an older release knows. */
export const DATABASE_WAYS = ["revert-point", "backup", "undo-scripts"] as const;
export type DatabaseWay = (typeof DATABASE_WAYS)[number];

/** SQL of the operator's that takes one migration back. */
const undoScript = z.object({ version: z.number().int(), sql: z.string().max(1_000_000) });
export type UndoScript = z.infer<typeof undoScript>;

const switchRequest = jobBase.extend({
  kind: z.literal("switch"),
  release: releaseIdentity,
  configuration,
  secrets: proposedSecrets,
  gate: gateLimits,
  /** The sequence of the reverted job whose commit the operator wants to try once more. */
  retry: z.number().int().optional(),
  /**
   * Gives the release a database of an earlier moment in the place of the live one, which is kept. Only
   * while the release serves that this job brought: a request that comes again later does it no more.
   */
  database: z
    .object({
      way: z.enum(DATABASE_WAYS),
      job: z.number().int(),
      /** For `undo-scripts`: one for each migration that the release doesn't know. */
      scripts: z.array(undoScript).max(1_000).optional(),
    })
    .optional(),
  keepReleases: z.number().int().min(1),
  /** How many proven backups stay; how many copies of the database from before a migration. */
  keepBackups: z.number().int().min(1).default(5),
  keepRevertPoints: z.number().int().min(0).default(1),
});

const removeRequest = jobBase.extend({ kind: z.literal("remove") });

export const jobRequestSchema = z.discriminatedUnion("kind", [
  prepareRequest,
  switchRequest,
  removeRequest,
]);
export type JobRequest = z.infer<typeof jobRequestSchema>;
export type PrepareRequest = z.infer<typeof prepareRequest>;
export type SwitchRequest = z.infer<typeof switchRequest>;
export type RemoveRequest = z.infer<typeof removeRequest>;
export type JobKind = JobRequest["kind"];

/** A migration that the database has applied, read from `_sqlx_migrations`. */
export interface AppliedMigration {
  version: number;
  description: string;
  checksum: string;
}

/** The live database. */
export interface DatabaseFacts {
  identity: DatabaseIdentity;
  applied: AppliedMigration[];
  /** Whether anybody has registered. */
  hasAccounts?: boolean;
  /** Bytes on the disk, as a whole. Only in a look, as are those of the tables. */
  size?: number;
  /** Bytes of each table with its indexes, by its name without the usual schema. */
  tables?: Record<string, number>;
  /**
   * Why no copy of it can be made, in words with the commands that mend it; absent where nothing is in
   * the way.
   */
  obstacle?: string;
}

/** What tells one database from every other: an empty one passes every check but this. */
export interface DatabaseIdentity {
  systemIdentifier: string;
  oid: string;
}

/** A database that can take the live one's place. */
export interface KeptDatabase {
  /**
   * `revert-point`: a database beside the live one; `backup`: a dump that was restored to prove it;
   * `undo-scripts`: a copy of the live one, with migrations taken back.
   */
  way: DatabaseWay;
  /** The database's or the backup's name. */
  name: string;
  /** The job before which the database was so. */
  sequence: number;
  /** When it was so; nothing that came later is in it. For `undo-scripts`: when they were applied first. */
  at: string;
  applied: AppliedMigration[];
}

/** What took the live database's place in a job. */
export interface Replacement {
  way: DatabaseWay;
  /** The database's or the backup's name. */
  name: string;
  /** Of which moment it is. */
  at: string;
  /** The name under which the database stays that was live until then. */
  left: string;
}

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
  /** A removal did not end; some of the containers may still be there. */
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
  /** What served before, as `name (commit)`. */
  from?: { name: string; commit: string };
  /** Why it did not end as asked. */
  cause?: string;
  durations: Durations;
  /** What is needed to start this release again: set where a switch ended as "done". */
  serving?: ServingRecord;
  /** The backup that was taken before anything was touched. */
  backup?: { name: string; size: number; proof: "restored" | "checksum" };
  /** The instance's database from then on, where a revert put a copy in its place. */
  database?: DatabaseIdentity;
  /** Set where the job gave the release a database of an earlier moment. */
  replacement?: Replacement;
  /** How often the way back was tried again at a person's word; the record replaces the one before. */
  reopenings?: number;
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
}

/** Where a switch publishes the chat, which is not always where it was asked to. */
export type PublishedAt = Configuration["listen"];

/** The answer to a submitted request. */
export type SubmitAnswer =
  /** A new job runs. */
  | { answer: "started"; sequence: number; instanceId: string; listen?: PublishedAt }
  /** The same request is being worked on already. */
  | { answer: "attached"; sequence: number; instanceId: string; listen?: PublishedAt }
  /** The server already is as asked, and healthy. */
  | { answer: "unchanged"; instanceId: string; serving?: LedgerRecord; listen?: PublishedAt }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };

/** One line of a job's progress. */
export interface ProgressLine {
  at: string;
  step: string;
  text: string;
  /** A detail of the moment (a build's output) and no milestone. */
  detail?: boolean;
}

/** What `follow` prints, one JSON document a line. */
export type FollowLine =
  | { type: "progress"; offset: number; progress: ProgressLine }
  | { type: "verdict"; verdict: Verdict };

/** A job that has not ended. */
export interface OpenJob {
  sequence: number;
  kind: JobKind;
  requestedBy: string;
  openedAt: string;
  step: string;
  release?: { name: string; commit: string };
}

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

/** A container as the server has it. */
export interface ContainerFacts {
  id: string;
  name: string;
  running: boolean;
  status: string;
  startedAt: string;
  restartCount: number;
  restartPolicy: string;
  exitCode: number;
  outOfMemory: boolean;
  imageId: string;
  commit?: string;
  composeConfigHash?: string;
  /** An address inside the server's networks, where it has one. */
  address?: string;
}

/** What /api/health said. */
export interface HealthAnswer {
  reachable: boolean;
  httpStatus?: number;
  status?: string;
  version?: string;
  databaseHealthy?: boolean;
  uptimeSeconds?: number;
  /** Why there is no usable answer. */
  problem?: string;
}

/** A switch that did not end as asked. */
export interface RevertedSwitch {
  sequence: number;
  commit: string;
  configurationDigest?: string;
  at: string;
  cause: string;
}

/** Everything a preview needs to know of a server, read at once and without changing anything. */
export interface ServerState {
  protocol: number;
  instanceId?: string;
  /** Things found on a server without a ledger that a deployment would write over. */
  foreign: string[];
  needsOperator?: string;
  openJob?: OpenJob;
  lastClosed?: LedgerRecord;
  serving?: LedgerRecord;
  /** The newest committed switch, also when its containers were removed since. */
  lastServing?: LedgerRecord;
  /** The last switch to each commit that ended in a revert and was not repeated since. */
  reverted: RevertedSwitch[];
  /** Commits whose tree and image are ready to be switched to. */
  prepared: string[];
  server?: ContainerFacts;
  /** Absent while it does not answer. */
  database?: DatabaseFacts;
  health?: HealthAnswer;
  /** The backups that are there; absent in answers of an older version. */
  backups?: {
    count: number;
    newest?: { name: string; takenAt: string; size: number; provenAt?: string };
  };
  /** How the server differs from what its ledger says, in words. */
  drift: string[];
  /** The operator's override as it is now. */
  override?: OverrideFacts;
  /** What is used of the server's disk: only where it was asked for. */
  usage?: DiskUsage;
}

/** The operator's override, for the preview. */
export interface OverrideFacts {
  name: string;
  /** What it changes, short: `chatalot ports, labels (4)`. */
  changes: string;
  /** Further override files, which Compose leaves out. */
  ignored: string[];
  /** Why Compose refuses it. */
  problem?: string;
}

/** Sizes in bytes. Absent: it could not be measured. */
export interface DiskUsage {
  /** What is free where the directory is. */
  free?: number;
  trees?: number;
  releases?: number;
  /** The images of this instance's releases; layers that they share are counted for each. */
  images?: number;
  /** By the volume's name. */
  volumes: Record<string, number>;
}
