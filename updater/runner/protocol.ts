/**
 * How the runner is spoken to: one program of root's that one rule of sudo allows, without arguments. A call is
 * one line of JSON on standard input, and what the verb reads comes after it. What else there is of the host,
 * the SSH user can't do anything with.
 */
import * as z from "zod";
import { directorySchema, jobBase } from "../protocol/requests.ts";

/** What the administrator allows, one file for each instance: `<project>.json`. */
export const PERMITS_DIRECTORY = "/etc/chatalot-deploy/instances";

/** What the runner says by its exit code, besides a verb's own. */
export const OTHER_RUNNER = 68;
export const NOT_PERMITTED = 69;
export const OUT_OF_TIME = 70;

/** The version of the call itself. */
export const CALL = 1;

/** Read by itself first: the rest of a call may have another form in another version. */
export const callerSchema = z.object({
  /** SHA-256 of the updater that the operator's side has. */
  updater: z.string().regex(/^[0-9a-f]{64}$/),
});

export const callSchema = z.strictObject({
  call: z.literal(CALL),
  updater: callerSchema.shape.updater,
  verb: z.string().regex(/^[a-z][a-z-]{1,40}$/),
  /** The instance's folder. Absent: it is about none (`hello`). */
  directory: directorySchema.optional(),
  /** The verb's arguments, which are numbers or nothing. */
  numbers: z.array(z.number().int().nonnegative()).max(4).default([]),
  /** After so many seconds it is ended: nobody else could do that. */
  seconds: z
    .number()
    .int()
    .min(1)
    .max(25 * 3_600),
});
export type RunnerCall = z.input<typeof callSchema>;

/**
 * What an administrator may allow beyond the running of one chat. Each is close to being root, or to having all
 * that the chat holds.
 *
 * - `fetch-backups`: backups may be fetched, which hold every message and the keys.
 * - `send-images`: images built elsewhere may be loaded, under any name that they have (`buildOn: here`).
 * - `host-network`: services of a release may use the host's network (upstream's coturn does).
 * - `host-access`: a release may ask for whatever Docker can give, such as the host's files.
 */
export const ALLOWANCES = ["fetch-backups", "send-images", "host-network", "host-access"] as const;
export type Allowance = (typeof ALLOWANCES)[number];

/** What the administrator allows of one instance. */
export const permitSchema = z.strictObject({
  directory: directorySchema,
  project: jobBase.shape.project,
  /** Who may ask for it, besides root. */
  users: z
    .array(z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/))
    .min(1)
    .max(20),
  allow: z.array(z.enum(ALLOWANCES)),
});
export type Permit = z.infer<typeof permitSchema>;

/** The body of `facts`. */
export const factsRequestSchema = z.strictObject({
  directory: directorySchema,
  project: jobBase.shape.project,
  port: z.number().int().min(1).max(65_535),
  volumes: jobBase.shape.volumes,
});
export type FactsRequest = z.infer<typeof factsRequestSchema>;

/** The body of `service-log`. */
export const serviceLogRequestSchema = z.strictObject({
  directory: directorySchema,
  project: jobBase.shape.project,
  service: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/),
  lines: z.number().int().min(0).max(999_999),
  since: z
    .string()
    .regex(/^[0-9][0-9A-Za-z:.+-]{0,40}$/)
    .optional(),
  follow: z.boolean(),
});
export type ServiceLogRequest = z.infer<typeof serviceLogRequestSchema>;

/** The longest archive of a release's tree, in bytes. */
const LONGEST_ARCHIVE = 2 * 1024 ** 3;

/** The first line of `receive-archive`; the bytes follow. */
export const archiveRequestSchema = z.strictObject({
  directory: directorySchema,
  sha256: callerSchema.shape.updater,
  size: z.number().int().min(1).max(LONGEST_ARCHIVE),
});
export type ArchiveRequest = z.infer<typeof archiveRequestSchema>;
