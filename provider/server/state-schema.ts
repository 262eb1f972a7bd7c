/** The form of the state that `inspect` answers, of which updater/protocol/state.ts tells what it means. */
import * as z from "zod";
import { type AlertState, CONDITIONS } from "../../updater/alerts/protocol.ts";
import {
  backupNameSchema,
  type ContainerFacts,
  type DiskUsage,
  HOOKS,
  type HealthAnswer,
  type ServerState,
} from "../../updater/protocol.ts";
import type { ScheduleState } from "../../updater/schedule/protocol.ts";
import { type Members, line, text, texts, time, whole, word } from "./answers.ts";
import {
  backupKind,
  commit,
  databaseFacts,
  databaseName,
  ledgerRecord,
  openJob,
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
      databaseBackup: backupNameSchema.optional(),
      at: time,
      cause: text,
      served: z.literal(true).optional(),
    }),
  ),
  prepared: z.array(commit),
  server: container.optional(),
  database: databaseFacts.optional(),
  databaseIsSilent: z.literal(true).optional(),
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
