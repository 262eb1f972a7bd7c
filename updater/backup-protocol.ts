/**
 * What is said of the backups that a server has: the verbs `backups`, `remove-backup` and `send-backup`; and of
 * those that are brought to it: `offer-backup` and `receive-backup`. Jobs that take and check them are asked for as any other (protocol.ts).
 */
import * as z from "zod";
import type { Backup } from "./backups.ts";
import { MAXIMUM_LIST } from "./backup-files/file-list.ts";
import { backupManifestSchema } from "./backup-manifest.ts";
import { padded } from "./paths.ts";
import { backupNameSchema, directorySchema, jobBase, type OpenJob, PROTOCOL } from "./protocol.ts";

/** Asks for all backups; nothing is changed by it. */
export const backupsRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
});
export type BackupsRequest = z.infer<typeof backupsRequestSchema>;

/** One backup: to be removed, or to be sent. */
export const backupRequestSchema = backupsRequestSchema.extend({ name: backupNameSchema });
export type NamedBackupRequest = z.infer<typeof backupRequestSchema>;

/** What is sent of a backup: its list of files, or the bytes of all its files. */
export const sendRequestSchema = backupRequestSchema.extend({ part: z.enum(["list", "content"]) });
export type SendRequest = z.infer<typeof sendRequestSchema>;

/** Job numbers of more digits are taken by no server in its life, and are soon no exact numbers any more. */
const LONGEST_NUMBER = 9;

/** A backup that somebody brings; the bytes of its files follow. */
export const offeredBackupSchema = backupRequestSchema
  .extend({
    project: jobBase.shape.project,
    volumes: jobBase.shape.volumes,
    // This server has not restored it yet, whatever is said of another one.
    manifest: backupManifestSchema.omit({ proof: true }),
    /** The text of its list of files, where it has one. */
    list: z.string().max(MAXIMUM_LIST).optional(),
  })
  // By the name a backup is sorted, and by the number that a job knows its own.
  .refine(
    ({ name, manifest: { sequence } }) =>
      sequence < 10 ** LONGEST_NUMBER && name.startsWith(`${padded(sequence)}-`),
    { path: ["name"], message: "its name does not begin with the number of its job" },
  );
export type OfferedBackup = z.infer<typeof offeredBackupSchema>;

export type OfferAnswer =
  /** It may be sent. */
  | { answer: "wanted" }
  /** The server has it. */
  | { answer: "there" }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };

/** The backups that are complete. */
export interface BackupList {
  protocol: number;
  /** Oldest first. */
  backups: Backup[];
  openJob?: OpenJob;
}
