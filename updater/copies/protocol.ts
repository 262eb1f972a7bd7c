/** What is said of the copies of backups at another place: in the schedule, and the verb `copy-backups`. */
import * as z from "zod";
import { PROTOCOL } from "../protocol/requests.ts";
import { directorySchema } from "../protocol/requests.ts";

/** A public key of age, in Bech32. */
export const recipientSchema = z
  .string()
  .max(4_000)
  .regex(/^age1[02-9ac-hj-np-z]{20,}$/);

/** Where to, for whom, and how many of the clock's stay there. */
export interface CopyOrder {
  copyTo: string;
  /** Empty: not encrypted. */
  encryptTo: string[];
  keep: number;
}

export const copyRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
});
export type CopyRequest = z.infer<typeof copyRequestSchema>;

export type CopyAnswer =
  | { answer: "copied"; to: string; names: string[]; count: number }
  | { answer: "refused"; reasons: string[] };

/** What a server knows of the copies. */
export interface CopiesState {
  /** When they were looked after last. */
  at: string;
  count: number;
  newest?: string;
  isEncrypted: boolean;
  /** Why that did not end well. */
  problem?: string;
}
