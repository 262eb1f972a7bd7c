/**
 * What is said of the work that a server does by the clock: the verbs `set-schedule`, `foresee-schedule` and
 * `remove-schedule`.
 */
import * as z from "zod";
import { type CopiesState, recipientSchema } from "../copies/protocol.ts";
import { directorySchema, PROTOCOL } from "../protocol/requests.ts";

/** What is done by the clock. */
export const ROUTINES = ["backup", "drill"] as const;

/** `backup`: one more, proven. `drill`: all that there are, restored anew. */
export type Routine = (typeof ROUTINES)[number];

/**
 * A calendar expression of systemd with the name of its time zone at its end. Only characters that mean
 * nothing else in a unit's file.
 */
export const calendarSchema = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9*][A-Za-z0-9*:,./~_+ -]* [A-Za-z][A-Za-z0-9_+/-]*$/);

/** When what is done, and how much of it stays. */
export const scheduleSchema = z.object({
  backup: calendarSchema,
  /** Absent: never. */
  drill: calendarSchema.optional(),
  /** How many proven scheduled backups stay. */
  keep: z.number().int().min(1).max(1_000),
  /** Whether they have more than the database. Absent in schedules of an older version: no. */
  files: z.boolean().optional(),
  /** A folder of the server on another disk, which gets a copy of each. Absent: none does. */
  copyTo: directorySchema.optional(),
  /** The public keys of age for which copies are encrypted. Absent: they are not. */
  encryptTo: z.array(recipientSchema).min(1).max(20).optional(),
});
export type Schedule = z.infer<typeof scheduleSchema>;

/** `foresee-schedule` asks with the same body. */
export const setScheduleRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
  schedule: scheduleSchema,
});
export type SetScheduleRequest = z.infer<typeof setScheduleRequestSchema>;

export type SetScheduleAnswer =
  /** When each is done next, as systemd reckons it, in UTC. */
  | { answer: "set"; next: Partial<Record<Routine, string>> }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };

/** How a routine went last. */
export interface RoutineRun {
  /** When it was begun. */
  at: string;
  outcome: "done" | "failed";
  /** What came of it, in words. */
  text: string;
}

/** One routine as a server has it. */
export interface RoutineState {
  calendar: string;
  /** When it is done next, in UTC; absent where its timer doesn't run. */
  next?: string;
  last?: RoutineRun;
}

/** What a server does by the clock, and what is wrong with it. */
export interface ScheduleState {
  routines: Partial<Record<Routine, RoutineState>>;
  keep: number;
  /** The copies elsewhere: absent where none are wanted, or none were made yet. */
  copies?: CopiesState & { to: string };
  /** Timers that are not as they were set: the next `up` mends them. */
  drift: string[];
  /** What no `up` mends: a routine that failed, or backups that are too old. */
  problems: string[];
}
