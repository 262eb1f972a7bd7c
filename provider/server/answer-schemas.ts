/** The forms of the answers of which updater/protocol.ts tells what they mean. */
import * as z from "zod";
import {
  type AlertState,
  CONDITIONS,
  type SetAlertsAnswer,
} from "../../updater/alerts/protocol.ts";
import type { CopyAnswer } from "../../updater/copies/protocol.ts";
import type { PauseAnswer, ResumeAnswer } from "../../updater/move/protocol.ts";
import {
  backupNameSchema,
  type ContainerFacts,
  type DiskUsage,
  type FollowLine,
  type ForeseenAnswer,
  HOOKS,
  type HealthAnswer,
  type Predicament,
  type ProgressLine,
  type RemovedAnswer,
  type ResolveAnswer,
  type ServerState,
  type SubmitAnswer,
  type Verdict,
} from "../../updater/protocol.ts";
import type { ScheduleState, SetScheduleAnswer } from "../../updater/schedule/protocol.ts";
import { type Members, line, refused, text, texts, time, whole, word } from "./answers.ts";
import {
  applied,
  backupKind,
  commit,
  databaseFacts,
  databaseName,
  durations,
  hookRuns,
  kind,
  ledgerRecord,
  openJob,
  outcome,
  published,
  release,
  volumeName,
} from "./record-schemas.ts";

const container = z.object({
  id: word,
  name: word,
  running: z.boolean(),
  status: word,
  startedAt: word,
  restartCount: whole,
  restartPolicy: word,
  exitCode: z.number().int(),
  outOfMemory: z.boolean(),
  imageId: word,
  commit: line.optional(),
  composeConfigHash: line.optional(),
  address: word.optional(),
} satisfies Members<ContainerFacts>);

const health = z.object({
  reachable: z.boolean(),
  httpStatus: whole.optional(),
  status: line.optional(),
  version: line.optional(),
  databaseHealthy: z.boolean().optional(),
  uptimeSeconds: z.number().optional(),
  problem: text.optional(),
} satisfies Members<HealthAnswer>);

const routine = z.object({
  calendar: line,
  next: line.optional(),
  last: z.object({ at: time, outcome: z.enum(["done", "failed"]), text }).optional(),
});

const schedule: z.ZodType<ScheduleState> = z.object({
  routines: z.object({ backup: routine.optional(), drill: routine.optional() }),
  keep: whole,
  copies: z
    .object({
      ...{ to: line, at: time, count: whole, isEncrypted: z.boolean() },
      newest: backupNameSchema.optional(),
      problem: text.optional(),
    })
    .optional(),
  drift: texts,
  problems: texts,
} satisfies Members<ScheduleState>);

const alerts: z.ZodType<AlertState> = z.object({
  channels: z.array(line),
  lookedAt: time.optional(),
  told: z.array(z.object({ name: z.enum(CONDITIONS), text, since: time })),
  drift: texts,
  problems: texts,
} satisfies Members<AlertState>);

const usage = z.object({
  free: whole.optional(),
  trees: whole.optional(),
  releases: whole.optional(),
  images: whole.optional(),
  volumes: z.record(line, whole),
} satisfies Members<DiskUsage>);

/** What `inspect` answers. */
export const stateSchema: z.ZodType<ServerState> = z.object({
  protocol: whole,
  instanceId: word.optional(),
  foreign: texts,
  needsOperator: text.optional(),
  openJob: openJob.optional(),
  lastClosed: ledgerRecord.optional(),
  serving: ledgerRecord.optional(),
  lastServing: ledgerRecord.optional(),
  reverted: z.array(
    z.object({
      sequence: whole,
      commit,
      configurationDigest: word.optional(),
      at: time,
      cause: text,
    }),
  ),
  prepared: z.array(commit),
  server: container.optional(),
  database: databaseFacts.optional(),
  health: health.optional(),
  backups: z
    .object({
      count: whole,
      newest: z
        .object({ name: backupNameSchema, takenAt: time, size: whole, provenAt: time.optional() })
        .optional(),
    })
    .optional(),
  schedule: schedule.optional(),
  alerts: alerts.optional(),
  reach: z
    .object({
      releases: z.array(release),
      backups: z.array(
        z.object({
          name: backupNameSchema,
          sequence: whole,
          provenAt: time.optional(),
          kind: backupKind,
        }),
      ),
      revertPoints: z.array(databaseName),
    })
    .optional(),
  measured: z
    .object({
      build: z.number().optional(),
      wayBack: z.number().optional(),
      dump: z.number().optional(),
      proof: z.number().optional(),
    })
    .optional(),
  drift: texts,
  override: z
    .object({ name: line, changes: text, ignored: z.array(line), problem: text.optional() })
    .optional(),
  keptVolumes: z
    .array(z.object({ volume: volumeName, major: whole, sequence: whole, at: time }))
    .optional(),
  usage: usage.optional(),
  hooks: z
    .object({ names: z.array(z.enum(HOOKS)), problems: texts, ignored: z.array(line) })
    .optional(),
} satisfies Members<ServerState>);

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

const predicament: z.ZodType<Predicament> = z.object({
  marker: text,
  directory: word,
  job: z
    .object({
      sequence: whole,
      requestedBy: line,
      openedAt: time,
      cause: text,
      step: line,
      release: release.optional(),
      previous: release.optional(),
      progressFile: word,
    })
    .optional(),
  containers: z.array(z.object({ name: word, state: line, commit: line.optional() })),
  database: z
    .object({
      name: databaseName,
      applied: z.array(applied),
      unknownBefore: z.array(applied),
      revertPoint: databaseName.optional(),
      failed: databaseName,
      failedIsThere: z.boolean(),
    })
    .optional(),
  backups: z.array(
    z.object({
      dumpFile: word,
      takenAt: time,
      release: line,
      size: whole,
      provenAt: time.optional(),
    }),
  ),
  noWayBack: text.optional(),
} satisfies Members<Predicament>);

/** What `resolve` answers. */
export const resolveSchema: z.ZodType<ResolveAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("nothing") }),
  z.object({ answer: z.literal("shown"), predicament }),
  z.object({ answer: z.literal("cleared") }),
  z.object({ answer: z.literal("reopened"), sequence: whole, offset: whole }),
  refused,
]);

/** What `set-schedule` answers. */
export const setScheduleSchema: z.ZodType<SetScheduleAnswer> = z.discriminatedUnion("answer", [
  z.object({
    answer: z.literal("set"),
    next: z.object({ backup: line.optional(), drill: line.optional() }),
  }),
  refused,
]);

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
