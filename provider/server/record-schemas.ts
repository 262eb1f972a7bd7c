/** The forms of what many answers have: releases, jobs, records of the ledger, databases. */
import * as z from "zod";
import { postgresMajorOf } from "../../common/image-reference.ts";
import { problemOfReference } from "../../release/reference.ts";
import {
  type AppliedMigration,
  backupNameSchema,
  type DatabaseFacts,
  type DatabaseUpgrade,
  DATABASE_WAYS,
  HOOKS,
  type Durations,
  type LedgerRecord,
  type OpenJob,
  type PlacedDatabase,
  type PublishedAt,
  type ReleaseIdentity,
  type Replacement,
} from "../../updater/protocol.ts";
import { type Members, line, text, time, whole, word } from "./answers.ts";

export const commit = z.string().regex(/^[0-9a-f]{40}$/, "expected a commit");

/** It stands in commands that are shown, and becomes a setting of a rollback. */
export const releaseName = z
  .string()
  .max(300)
  .refine((name) => problemOfReference(name) === undefined, "expected the name of a release");

export const release = z.object({ name: releaseName, commit });

/** Of one of Compose's profiles, which a rollback writes into the settings. */
export const profile = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/, "expected a profile");

export const kind = z.enum(["prepare", "switch", "remove", "backup", "check-backups"]);
export const outcome = z.enum([
  "done",
  "untouched",
  "reverted",
  "stopped",
  "failed",
  "needs-operator",
]);
export const way = z.enum(DATABASE_WAYS);
export const backupKind = z.enum(["update", "manual", "scheduled"]).optional();

/** It stands in SQL that is shown. */
export const databaseName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, "expected a database's name");

export const applied: z.ZodType<AppliedMigration> = z.object({
  version: whole,
  description: line,
  checksum: word,
} satisfies Members<AppliedMigration>);

export const identity = z.object({ systemIdentifier: word, oid: word });

export const releaseIdentity: z.ZodType<ReleaseIdentity> = release.extend({
  crateVersion: line.optional(),
  webVersion: line.optional(),
  migrations: z.array(z.object({ version: whole, description: line, file: line, checksum: word })),
});

export const durations = z.object({
  total: z.number(),
  build: z.number().optional(),
  dump: z.number().optional(),
  proof: z.number().optional(),
  revertPoint: z.number().optional(),
  downtime: z.number().optional(),
  gate: z.number().optional(),
} satisfies Members<Durations>);

export const replacement = z.object({
  way,
  name: word,
  at: time,
  left: word,
} satisfies Members<Replacement>);

export const takenBackup = z.object({
  name: backupNameSchema,
  size: whole,
  proof: z.enum(["restored", "checksum"]),
});

export const published: z.ZodType<PublishedAt> = z.object({
  address: word,
  port: whole.max(65_535),
} satisfies Members<PublishedAt>);

/** How the server's hooks went in a job. */
export const hookRuns = z
  .array(z.object({ hook: z.enum(HOOKS), milliseconds: whole, problem: text.optional() }))
  .optional();

export const digests = z.record(line, word);

/** It stands in commands that are shown. */
export const volumeName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/, "expected a volume's name");

const placedDatabase = z.object({
  image: z.string().refine((name) => postgresMajorOf(name) !== undefined, "expected an image"),
  major: whole,
  volume: volumeName,
} satisfies Members<PlacedDatabase>);

const upgrade = z.object({
  from: whole,
  to: whole,
  left: volumeName,
} satisfies Members<DatabaseUpgrade>);

export const serving: z.ZodType<NonNullable<LedgerRecord["serving"]>> = z.object({
  releaseDirectory: word,
  configurationDigest: word,
  image: word,
  imageId: word,
  composeConfigHash: word,
  found: word.optional(),
  profiles: z.array(profile),
  listen: published.optional(),
  restartPolicy: word,
  files: digests.optional(),
  services: digests.optional(),
  database: identity,
  applied: z.array(applied),
  postgres: placedDatabase.optional(),
} satisfies Members<NonNullable<LedgerRecord["serving"]>>);

export const ledgerRecord: z.ZodType<LedgerRecord> = z.object({
  sequence: whole,
  kind,
  outcome,
  openedAt: time,
  closedAt: time,
  requestedBy: line,
  release: releaseIdentity.optional(),
  configurationDigest: word.optional(),
  databaseBackup: backupNameSchema.optional(),
  from: release.optional(),
  cause: text.optional(),
  durations,
  serving: serving.optional(),
  backup: takenBackup.optional(),
  checked: z.array(backupNameSchema).optional(),
  database: identity.optional(),
  replacement: replacement.optional(),
  reopenings: whole.optional(),
  hooks: hookRuns,
  upgrade: upgrade.optional(),
} satisfies Members<LedgerRecord>);

export const openJob: z.ZodType<OpenJob> = z.object({
  sequence: whole,
  kind,
  requestedBy: line,
  openedAt: time,
  step: line,
  release: release.optional(),
} satisfies Members<OpenJob>);

export const databaseFacts: z.ZodType<DatabaseFacts> = z.object({
  identity,
  applied: z.array(applied),
  postgresMajor: whole.optional(),
  hasAccounts: z.boolean().optional(),
  size: whole.optional(),
  tables: z.record(line, whole).optional(),
  name: databaseName.optional(),
  copies: z.array(word).optional(),
  obstacle: text.optional(),
} satisfies Members<DatabaseFacts>);
