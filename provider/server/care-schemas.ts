/** The forms of what is answered about timers, alerts and copies, and about a chat that is moved. */
import * as z from "zod";
import type { SetAlertsAnswer } from "../../updater/alerts/protocol.ts";
import type { CopyAnswer } from "../../updater/copies/protocol.ts";
import type { PauseAnswer, ResumeAnswer } from "../../updater/move/protocol.ts";
import {
  backupNameSchema,
  type ForeseenTimers,
  type RemovedAnswer,
} from "../../updater/protocol.ts";
import type { SetScheduleAnswer } from "../../updater/schedule/protocol.ts";
import { line, type Members, refused, text, texts, whole } from "./answers.ts";

/** What `set-schedule` answers. */
export const setScheduleSchema: z.ZodType<SetScheduleAnswer> = z.discriminatedUnion("answer", [
  z.object({
    answer: z.literal("set"),
    next: z.object({ backup: line.optional(), drill: line.optional() }),
  }),
  refused,
]);

/** What `foresee-schedule` and `foresee-alerts` answer. */
export const foreseenTimersSchema: z.ZodType<ForeseenTimers> = z.object({
  refusals: texts,
  isSet: z.boolean(),
} satisfies Members<ForeseenTimers>);

/** What the verbs answer that take something away. */
export const removedSchema: z.ZodType<RemovedAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("removed") }),
  refused,
]);

/** What `copy-backups` answers. */
export const copySchema: z.ZodType<CopyAnswer> = z.discriminatedUnion("answer", [
  z.object({
    ...{ answer: z.literal("copied"), to: line, count: whole },
    names: z.array(backupNameSchema),
  }),
  refused,
]);

/** What `set-alerts` answers. */
export const setAlertsSchema: z.ZodType<SetAlertsAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("set") }),
  refused,
]);

/** What `test-alerts` answers. */
export const testAlertsSchema = z.object({ problems: texts });

/** What `pause` answers. */
export const pauseSchema: z.ZodType<PauseAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("paused"), services: z.array(line) }),
  refused,
]);

/** What `resume` answers. */
export const resumeSchema: z.ZodType<ResumeAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("resumed"), problem: text.optional() }),
  refused,
]);
