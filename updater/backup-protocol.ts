/**
 * What is said of the backups that a server has: the verbs `backups`, `remove-backup` and `send-dump`. Jobs
 * that take and check them are asked for as any other (protocol.ts).
 */
import { z } from "zod";
import type { Backup } from "./backups.ts";
import { backupNameSchema, directorySchema, type OpenJob, PROTOCOL } from "./protocol.ts";

/** Asks for all backups; nothing is changed by it. */
export const backupsRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
});
export type BackupsRequest = z.infer<typeof backupsRequestSchema>;

/** One backup: to be removed, or to be sent. */
export const backupRequestSchema = backupsRequestSchema.extend({ name: backupNameSchema });
export type NamedBackupRequest = z.infer<typeof backupRequestSchema>;

/** The backups that are complete. */
export interface BackupList {
  protocol: number;
  /** Oldest first. */
  backups: Backup[];
  openJob?: OpenJob;
}

/** The answer to a request to remove a backup. */
export type RemoveBackupAnswer =
  | { answer: "removed" }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };
