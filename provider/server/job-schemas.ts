/** The forms of what is answered about jobs, of which updater/protocol/answers.ts tells what it means. */
import * as z from "zod";
import type {
  FollowLine,
  ForeseenAnswer,
  ProgressLine,
  SubmitAnswer,
  Verdict,
} from "../../updater/protocol.ts";
import type { RoomAnswer } from "../../updater/room-protocol.ts";
import { type Members, line, refused, text, texts, time, whole, word } from "./answers.ts";
import {
  durations,
  hookRuns,
  kind,
  ledgerRecord,
  outcome,
  published,
  release,
} from "./record-schemas.ts";

const listen = published.optional();

/** The answers for which no job is opened. */
const withoutJob = [
  z.object({ answer: z.literal("attached"), sequence: whole, instanceId: word, listen }),
  z.object({
    answer: z.literal("unchanged"),
    instanceId: word,
    serving: ledgerRecord.optional(),
    listen,
  }),
  refused,
] as const;

/** What `submit` answers. */
export const submitSchema: z.ZodType<SubmitAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("started"), sequence: whole, instanceId: word, listen }),
  ...withoutJob,
]);

/** What `foresee-room` answers. */
export const roomSchema: z.ZodType<RoomAnswer> = z.object({
  refusals: texts,
} satisfies Members<RoomAnswer>);

/** What `foresee` answers. */
export const foreseenSchema: z.ZodType<ForeseenAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("would-start") }),
  ...withoutJob,
]);

/** A line of a job's progress. */
export const progressSchema: z.ZodType<ProgressLine> = z.object({
  at: time,
  step: line,
  text,
  detail: z.boolean().optional(),
} satisfies Members<ProgressLine>);

const verdict: z.ZodType<Verdict> = z.object({
  sequence: whole,
  kind,
  outcome,
  instanceId: word,
  text,
  cause: text.optional(),
  serving: release.optional(),
  durations,
  hooks: hookRuns,
} satisfies Members<Verdict>);

/** A line of what `follow` answers. */
export const followSchema: z.ZodType<FollowLine> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("progress"), offset: whole, progress: progressSchema }),
  z.object({ type: z.literal("verdict"), verdict }),
]);

/** What `abort` answers. */
export const abortSchema = z.object({ aborted: whole.nullable() });
