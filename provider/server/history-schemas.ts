/** The forms of the answers that tell of backups and of an instance's past. */
import * as z from "zod";
import { backupManifestSchema } from "../../updater/backup-manifest.ts";
import type { BackupList, OfferAnswer } from "../../updater/backup-protocol.ts";
import type { Backup } from "../../updater/backups.ts";
import type {
  FittingDatabase,
  InstanceHistory,
  PastJob,
  WayBack,
} from "../../updater/history-protocol.ts";
import { backupNameSchema } from "../../updater/protocol.ts";
import { type Members, line, refused, text, time, whole, word } from "./answers.ts";
import {
  durations,
  kind,
  openJob,
  outcome,
  profile,
  release,
  releaseIdentity,
  replacement,
  takenBackup,
  way,
} from "./record-schemas.ts";

const backup: z.ZodType<Backup> = z.object({
  name: backupNameSchema,
  manifest: backupManifestSchema.transform((manifest) => ({
    ...manifest,
    release: { ...manifest.release, name: line.parse(manifest.release.name) },
    ...(manifest.damage === undefined
      ? {}
      : { damage: { ...manifest.damage, what: text.parse(manifest.damage.what) } }),
  })),
} satisfies Members<Backup>);

/** What `backups` answers. */
export const backupListSchema: z.ZodType<BackupList> = z.object({
  protocol: whole,
  backups: z.array(backup),
  openJob: openJob.optional(),
} satisfies Members<BackupList>);

/** What `offer-backup` and `receive-backup` answer. */
export const offerSchema: z.ZodType<OfferAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("wanted") }),
  z.object({ answer: z.literal("there") }),
  refused,
]);

const fitting: z.ZodType<FittingDatabase> = z.object({
  way,
  name: word,
  sequence: whole,
  at: time,
  size: whole.optional(),
  pending: z.array(whole).optional(),
} satisfies Members<FittingDatabase>);

const wayBack: z.ZodType<WayBack> = z.object({
  release,
  prepared: releaseIdentity.optional(),
  missing: z.array(line),
  pending: z.array(line),
  obstacle: text.optional(),
  databases: z.array(fitting),
} satisfies Members<WayBack>);

const pastJob: z.ZodType<PastJob> = z.object({
  sequence: whole,
  kind,
  outcome,
  openedAt: time,
  closedAt: time,
  requestedBy: line,
  from: release.optional(),
  cause: text.optional(),
  durations,
  backup: takenBackup.optional(),
  replacement: replacement.optional(),
  release: release.optional(),
  migrations: z.array(line).optional(),
  profiles: z.array(profile).optional(),
} satisfies Members<PastJob>);

/** What `history` answers. */
export const historySchema: z.ZodType<InstanceHistory> = z.object({
  protocol: whole,
  jobs: z.array(pastJob),
  serving: whole.optional(),
  openJob: openJob.optional(),
  waysBack: z.array(wayBack),
  loss: z
    .object({ name: word, at: time, rows: z.record(line, z.number()), uploads: z.number() })
    .optional(),
} satisfies Members<InstanceHistory>);
