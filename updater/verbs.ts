/**
 * What the operator's side may ask the updater for. A request comes by standard input, so that no secret is
 * ever in an argument; the answer goes to standard output as JSON, one document a line. Only `send-backup`
 * answers with bytes, and only to `receive-backup` bytes follow the request.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type * as z from "zod";
import { adopt } from "./adopt/adopt.ts";
import { forget } from "./adopt/forget.ts";
import { lookForChat } from "./adopt/look.ts";
import { adoptRequestSchema, forgetRequestSchema, lookRequestSchema } from "./adopt/protocol.ts";
import { foreseeAlerts, removeAlerts, setAlerts, testAlerts } from "./alerts/alerts.ts";
import {
  alertsRequestSchema,
  foreseeAlertsRequestSchema,
  setAlertsRequestSchema,
} from "./alerts/protocol.ts";
import {
  backupRequestSchema,
  backupsRequestSchema,
  offeredBackupSchema,
  sendRequestSchema,
} from "./backup-protocol.ts";
import { readBackups, removeNamedBackup, sendBackup } from "./backup-verbs.ts";
import { copyAtOnce } from "./copies/copy-verb.ts";
import { copyRequestSchema } from "./copies/protocol.ts";
import { writeFileDurably } from "./files.ts";
import { firstLine } from "./first-line.ts";
import { follow } from "./follow.ts";
import { historyRequestSchema } from "./history-protocol.ts";
import { readHistory } from "./history.ts";
import { inspectRequestSchema, inspectServer } from "./inspect.ts";
import { Job, openJob, type Runner } from "./job.ts";
import { pauseChat, resumeChat } from "./move/pause.ts";
import { moveRequestSchema } from "./move/protocol.ts";
import { instancePaths } from "./paths.ts";
import {
  directorySchema,
  jobRequestSchema,
  removeTimersRequestSchema,
  resolveRequestSchema,
} from "./protocol.ts";
import { offerBackup, receiveBackup } from "./receive-backup.ts";
import { resolve } from "./resolve.ts";
import type { Subject } from "./runner/permits.ts";
import { foreseeRoom } from "./room.ts";
import { roomRequestSchema } from "./room-protocol.ts";
import { setScheduleRequestSchema } from "./schedule/protocol.ts";
import { foreseeSchedule, removeSchedule, setSchedule } from "./schedule/schedule.ts";
import { sideImagesRequestSchema } from "./side-images-protocol.ts";
import { readSideImages } from "./side-images.ts";
import { foresee, submit } from "./submit.ts";
import { signalUnit } from "./unit.ts";

/** One question and its answer. */
export interface Conversation {
  input: AsyncIterable<Uint8Array>;
  output: Writable;
  /** The instance's folder and the numbers after it, for the verbs that take arguments. */
  words: readonly string[];
  /** The longest request that is read, in bytes. Default: as long as the longest list of files. */
  longest?: number;
  /** What the administrator allows besides; absent: whoever asks is root. */
  allowances?: readonly string[];
  /** Called with each request before anything is done about it. @throws where it is not allowed */
  permit: (request: Subject & RequestVolumes) => void;
}

/** Where requests name volumes besides their list of them. */
interface RequestVolumes {
  filesVolume?: string;
  configuration?: {
    databaseVolume: string;
    filesVolume: string;
    env: Record<string, string>;
    secretEnv: Record<string, string>;
  };
}

export type Verb = (conversation: Conversation) => Promise<void>;

/** A verb that reads a request, and answers it with a document. */
function answering<Request extends Subject & RequestVolumes>(
  schema: z.ZodType<Request>,
  answer: (request: Request) => unknown,
): Verb {
  return async ({ input, output, permit }) => {
    const request = schema.parse(JSON.parse(await text(input)));
    permit(request);
    print(output, await answer(request));
  };
}

/** By their names. What systemd alone calls is in main.ts. */
export const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["inspect", answering(inspectRequestSchema, inspectServer)],
  ["history", answering(historyRequestSchema, readHistory)],
  ["backups", answering(backupsRequestSchema, readBackups)],
  ["remove-backup", answering(backupRequestSchema, removeNamedBackup)],
  [
    "send-backup",
    async ({ input, output, permit }) => {
      const request = sendRequestSchema.parse(JSON.parse(await text(input)));
      permit(request);
      await sendBackup(request, output);
    },
  ],
  ["offer-backup", answering(offeredBackupSchema, offerBackup)],
  [
    "receive-backup",
    async ({ input, output, permit, longest }) => {
      const { line, rest } = await firstLine(input, longest);
      const offer = offeredBackupSchema.parse(JSON.parse(line));
      permit(offer);
      print(output, await receiveBackup(offer, rest));
    },
  ],
  ["side-images", answering(sideImagesRequestSchema, readSideImages)],
  ["submit", answering(jobRequestSchema, (request) => submit(request, ownRunner()))],
  ["foresee", answering(jobRequestSchema, foresee)],
  ["foresee-room", answering(roomRequestSchema, (request) => foreseeRoom(request))],
  ["resolve", answering(resolveRequestSchema, (request) => resolve(request, ownRunner()))],
  ["set-schedule", answering(setScheduleRequestSchema, setSchedule)],
  ["foresee-schedule", answering(setScheduleRequestSchema, foreseeSchedule)],
  ["remove-schedule", answering(removeTimersRequestSchema, removeSchedule)],
  ["look-for-chat", answering(lookRequestSchema, lookForChat)],
  ["adopt", answering(adoptRequestSchema, (request) => adopt(request, ownRunner()))],
  ["forget", answering(forgetRequestSchema, forget)],
  ["pause", answering(moveRequestSchema, pauseChat)],
  ["resume", answering(moveRequestSchema, resumeChat)],
  ["copy-backups", answering(copyRequestSchema, copyAtOnce)],
  ["set-alerts", answering(setAlertsRequestSchema, setAlerts)],
  ["foresee-alerts", answering(foreseeAlertsRequestSchema, foreseeAlerts)],
  ["remove-alerts", answering(removeTimersRequestSchema, removeAlerts)],
  [
    "test-alerts",
    answering(alertsRequestSchema, async (request) => ({ problems: await testAlerts(request) })),
  ],
  [
    "follow",
    async ({ output, words: [directory, sequence, offset], permit }) => {
      const request = { directory: directorySchema.parse(directory) };
      permit(request);
      await follow(request.directory, Number(sequence), Number(offset ?? 0), (document) =>
        print(output, document),
      );
    },
  ],
  [
    "abort",
    async ({ output, words: [directory], permit }) => {
      const request = { directory: directorySchema.parse(directory) };
      permit(request);
      print(output, { aborted: await abort(request.directory) });
    },
  ],
]);

/** The programs that this process is. */
export function ownRunner(): Runner {
  // Not the link by which it may have been called: that link will lead to this.
  return { node: process.execPath, updater: realpathSync(process.argv[1] ?? "") };
}

/** Asks the open job to stop before the swap; a job past that point takes no notice. */
async function abort(directory: string): Promise<number | null> {
  const paths = instancePaths(directory);
  const job = await openJob(paths);
  if (job === undefined) return null;
  if (job.hasBegun("J6")) {
    // An earlier abort may have been killed while it had the job halted.
    await signalUnit(directory, "SIGCONT").catch(() => undefined);
    return null;
  }
  await writeFileDurably(join(job.paths.directory, "abort"), "");
  // A build may run for half an hour: it is ended now, and the unit, started again, closes the job.
  // Halted first, so that the job can't begin to swap between the look and the kill.
  await signalUnit(directory, "SIGSTOP");
  try {
    const halted = await Job.read(paths, job.sequence);
    if (halted?.hasBegun("J6") === true) return null;
    await signalUnit(directory, "SIGKILL");
    return job.sequence;
  } finally {
    // Whatever happened, nothing stays halted; to one that was killed it means nothing.
    await signalUnit(directory, "SIGCONT").catch(() => undefined);
  }
}

/** One document on a line. */
export function print(output: Writable, document: unknown): void {
  output.write(`${JSON.stringify(document)}\n`);
}
