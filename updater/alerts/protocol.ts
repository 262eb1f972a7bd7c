/**
 * What is said of the alerts that a server sends: the verbs `set-alerts`, `foresee-alerts`, `remove-alerts` and
 * `test-alerts`.
 */
import * as z from "zod";
import { directorySchema, PROTOCOL } from "../protocol.ts";

/** An address of mail, of characters that mean nothing else in a header. */
export const mailSchema = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/);

/** Where a message is sent as JSON. Encrypted, except on the server itself: whoever has it can write there. */
export const webhookSchema = z.custom<string>(
  (value) => typeof value === "string" && value.length <= 2_000 && isWebhook(value),
);

function isWebhook(value: string): boolean {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** Whom a server tells that something is wrong with it, and when. */
export const alertsSchema = z
  .object({
    /** Secret. */
    webhook: webhookSchema.optional(),
    mail: mailSchema.optional(),
    /** How often it looks, in seconds. */
    every: z.number().int().min(10).max(86_400),
    /** Less free space than this many bytes is told. */
    diskFree: z.number().int().min(0),
    /** The public address, whose certificate is looked at. */
    url: z.string().max(300).optional(),
  })
  .refine(({ webhook, mail }) => webhook !== undefined || mail !== undefined);
export type AlertSettings = z.infer<typeof alertsSchema>;

export const setAlertsRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
  alerts: alertsSchema,
});
export type SetAlertsRequest = z.infer<typeof setAlertsRequestSchema>;

/** Without the webhook: it is a password, and only a message would show whether it takes one. */
export const foreseeAlertsRequestSchema = setAlertsRequestSchema
  .omit({ alerts: true })
  .extend({ mail: mailSchema });
export type ForeseeAlertsRequest = z.infer<typeof foreseeAlertsRequestSchema>;

export const alertsRequestSchema = setAlertsRequestSchema.omit({ alerts: true });
export type AlertsRequest = z.infer<typeof alertsRequestSchema>;

export type SetAlertsAnswer =
  | { answer: "set" }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };

/** What can be wrong. */
export const CONDITIONS = ["operator", "chat", "backup", "timers", "disk", "certificate"] as const;
export type ConditionName = (typeof CONDITIONS)[number];

/** Something that is wrong now. */
export interface Condition {
  name: ConditionName;
  text: string;
}

/** What a server has of its alerts, without the webhook's address. */
export interface AlertState {
  /** How they are sent: `webhook`, `mail to admin@example.org`. */
  channels: string[];
  /** When it looked last; absent: not yet. */
  lookedAt?: string;
  /** What was told and goes on. */
  told: (Condition & { since: string })[];
  /** The timer is not as it was set: the next `up` mends it. */
  drift: string[];
  /** A message that could not be sent, or a look that failed. */
  problems: string[];
}
