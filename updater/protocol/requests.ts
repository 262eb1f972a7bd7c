/** What the operator's side asks the updater for. */
import * as z from "zod";
import { isPinnedImage, parseImage, postgresMajorOf } from "../../common/image-reference.ts";

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
export const releaseIdentity = z.object({
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
export const jobBase = z.object({
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

/** The body of `remove-schedule` and `remove-alerts`. */
export const removeTimersRequestSchema = jobBase.pick({
  ...{ protocol: true, directory: true, instanceId: true },
});
export type RemoveTimersRequest = z.infer<typeof removeTimersRequestSchema>;

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
export const configuration = z.object({
  url: z.string().optional(),
  listen: z.object({ address: z.string(), port: z.number().int().min(1).max(65_535) }),
  /** Absent or `loopback`: see owner-guard.ts. `open`: published as asked, also without an account. */
  beforeOwner: z.enum(["loopback", "open"]).optional(),
  env: z.record(z.string(), z.string()),
  /** Secret: arrives by standard input and is written to files of mode 0600 only. */
  secretEnv: z.record(z.string(), z.string()),
  profiles: z.array(z.string()),
  /** Digests in the place of the release's tags, by service. Absent: none. */
  sideImages: z.record(z.string(), z.string().refine(isPinnedImage)).optional(),
  /**
   * The image of the database in the place of the release's, of the same or a newer major version than the
   * instance's. Absent: the release's, and after an upgrade what that one brought.
   */
  databaseImage: z
    .string()
    .refine((text) => postgresMajorOf(text) !== undefined)
    .optional(),
  databaseVolume: z.string(),
  filesVolume: z.string(),
});
export type Configuration = z.infer<typeof configuration>;

/** Values for a server that has none yet. Where the server has one, the server's stands. */
export const instanceSecretsSchema = z.object({
  databasePassword: z.string().regex(/^[A-Za-z0-9]{16,128}$/),
  totpEncryptionKey: z.string().regex(/^[0-9a-f]{64}$/),
  jwtPrivateKey: z.string().startsWith("-----BEGIN PRIVATE KEY-----"),
  jwtPublicKey: z.string().startsWith("-----BEGIN PUBLIC KEY-----"),
});
export type InstanceSecrets = z.infer<typeof instanceSecretsSchema>;

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

/** The folder of a backup: the number of the job that took it, and when. Never a path. */
export const backupNameSchema = z
  .string()
  .max(40)
  .regex(/^\d{6,}-\d{8}T\d{6}Z$/);

const switchRequest = jobBase.extend({
  kind: z.literal("switch"),
  release: releaseIdentity,
  configuration,
  /** Absent where it is only asked what would be done, before they are made: the server has its own then. */
  secrets: instanceSecretsSchema.optional(),
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
      /** The job that brought what serves; 0: nothing serves yet. */
      job: z.number().int(),
      /** For `undo-scripts`: one for each migration that the release doesn't know. */
      scripts: z.array(undoScript).max(1_000).optional(),
      /** For `backup`: which one. Absent: the newest proven one that the release can start on. */
      backup: backupNameSchema.optional(),
    })
    .optional(),
  keepReleases: z.number().int().min(1),
  /** How many proven backups stay; how many copies of the database from before a migration. */
  keepBackups: z.number().int().min(1).default(5),
  keepRevertPoints: z.number().int().min(0).default(1),
  /** How long each hook on the server may take. Absent, as from an older client: five minutes. */
  hookTimeLimit: milliseconds.optional(),
});

const removeRequest = jobBase.extend({ kind: z.literal("remove") });

/** A dump of the database now, proven by a restore, while the chat serves. */
const backupRequest = jobBase.extend({
  kind: z.literal("backup"),
  /** Whether the clock asks for it, which also removes it some backups later. @default false */
  scheduled: z.boolean().optional(),
  /** Whether it has the uploads, the configuration and the keys as well. @default false */
  files: z.boolean().optional(),
});

const checkBackupsRequest = jobBase.extend({
  kind: z.literal("check-backups"),
  /** Absent: all that there are. */
  backups: z.array(backupNameSchema).min(1).max(1_000).optional(),
});

export const jobRequestSchema = z.discriminatedUnion("kind", [
  prepareRequest,
  switchRequest,
  removeRequest,
  backupRequest,
  checkBackupsRequest,
]);
export type JobRequest = z.infer<typeof jobRequestSchema>;
export type PrepareRequest = z.infer<typeof prepareRequest>;
export type SwitchRequest = z.infer<typeof switchRequest>;
export type RemoveRequest = z.infer<typeof removeRequest>;
export type BackupRequest = z.infer<typeof backupRequest>;
export type CheckBackupsRequest = z.infer<typeof checkBackupsRequest>;
export type JobKind = JobRequest["kind"];
