/**
 * The updater's entry on the server. A request comes by standard input, so that no secret is ever
 * in an argument; the answer goes to standard output as JSON, one document a line. Only `send-backup`
 * answers with bytes, and only to `receive-backup` bytes follow the request.
 */
import { realpathSync } from "node:fs";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { messageOf } from "../common/errors.ts";
import { adopt } from "./adopt/adopt.ts";
import { forget } from "./adopt/forget.ts";
import { lookForChat } from "./adopt/look.ts";
import { adoptRequestSchema, forgetRequestSchema, lookRequestSchema } from "./adopt/protocol.ts";
import { removeAlerts, setAlerts, testAlerts } from "./alerts/alerts.ts";
import { alertsRequestSchema, setAlertsRequestSchema } from "./alerts/protocol.ts";
import { watch } from "./alerts/watch.ts";
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
import { follow } from "./follow.ts";
import { firstLine } from "./first-line.ts";
import { readHistory } from "./history.ts";
import { inspectRequestSchema, inspectServer } from "./inspect.ts";
import { Job, openJob, type Runner } from "./job.ts";
import { join } from "node:path";
import { pauseChat, resumeChat } from "./move/pause.ts";
import { moveRequestSchema } from "./move/protocol.ts";
import { instancePaths } from "./paths.ts";
import { plainText } from "../common/text.ts";
import { historyRequestSchema } from "./history-protocol.ts";
import { directorySchema, jobRequestSchema, resolveRequestSchema } from "./protocol.ts";
import { offerBackup, receiveBackup } from "./receive-backup.ts";
import { resolve } from "./resolve.ts";
import { runOpenJob } from "./run.ts";
import {
  removeScheduleRequestSchema,
  ROUTINES,
  setScheduleRequestSchema,
} from "./schedule/protocol.ts";
import { runRoutine } from "./schedule/routine.ts";
import { removeSchedule, setSchedule } from "./schedule/schedule.ts";
import { readSideImages } from "./side-images.ts";
import { sideImagesRequestSchema } from "./side-images-protocol.ts";
import { foresee, submit } from "./submit.ts";
import { signalUnit } from "./unit.ts";

process.umask(0o077);

/** What goes to the unit's log, or to the operator. */
const MAXIMUM_MESSAGE = 4_000;

async function main([verb = "", directory = "", ...rest]: string[]): Promise<void> {
  switch (verb) {
    case "inspect":
      print(await inspectServer(inspectRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "history":
      print(await readHistory(historyRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "backups":
      print(await readBackups(backupsRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "remove-backup":
      print(
        await removeNamedBackup(backupRequestSchema.parse(JSON.parse(await text(process.stdin)))),
      );
      return;
    case "send-backup":
      await sendBackup(
        sendRequestSchema.parse(JSON.parse(await text(process.stdin))),
        process.stdout,
      );
      return;
    case "offer-backup":
      print(await offerBackup(offeredBackupSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "receive-backup": {
      const { line, rest } = await firstLine(process.stdin);
      print(await receiveBackup(offeredBackupSchema.parse(JSON.parse(line)), rest));
      return;
    }
    case "side-images":
      print(
        await readSideImages(sideImagesRequestSchema.parse(JSON.parse(await text(process.stdin)))),
      );
      return;
    case "submit":
      print(await submit(jobRequestSchema.parse(JSON.parse(await text(process.stdin))), runner()));
      return;
    case "foresee":
      print(await foresee(jobRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "resolve":
      print(
        await resolve(resolveRequestSchema.parse(JSON.parse(await text(process.stdin))), runner()),
      );
      return;
    case "set-schedule":
      print(
        await setSchedule(setScheduleRequestSchema.parse(JSON.parse(await text(process.stdin)))),
      );
      return;
    case "remove-schedule":
      await removeSchedule(
        removeScheduleRequestSchema.parse(JSON.parse(await text(process.stdin))),
      );
      print({ answer: "removed" });
      return;
    case "look-for-chat":
      print(await lookForChat(lookRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "adopt":
      print(await adopt(adoptRequestSchema.parse(JSON.parse(await text(process.stdin))), runner()));
      return;
    case "forget":
      print(await forget(forgetRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "pause":
      print(await pauseChat(moveRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "resume":
      print(await resumeChat(moveRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "copy-backups":
      print(await copyAtOnce(copyRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "set-alerts":
      print(await setAlerts(setAlertsRequestSchema.parse(JSON.parse(await text(process.stdin)))));
      return;
    case "remove-alerts":
      await removeAlerts(alertsRequestSchema.parse(JSON.parse(await text(process.stdin))));
      print({ answer: "removed" });
      return;
    case "test-alerts":
      print({
        problems: await testAlerts(
          alertsRequestSchema.parse(JSON.parse(await text(process.stdin))),
        ),
      });
      return;
    case "watch":
      await watch(directorySchema.parse(directory));
      return;
    case "routine":
      print({
        text: await runRoutine(
          directorySchema.parse(directory),
          z.enum(ROUTINES).parse(rest[0]),
          runner(),
        ),
      });
      return;
    case "follow":
      await follow(directorySchema.parse(directory), Number(rest[0]), Number(rest[1] ?? 0), print);
      return;
    case "run":
      await runOpenJob(directorySchema.parse(directory));
      return;
    case "abort":
      print({ aborted: await abort(directorySchema.parse(directory)) });
      return;
    default:
      throw new Error(`unknown verb ${JSON.stringify(verb)}`);
  }
}

/** The programs that this process is. */
function runner(): Runner {
  // Not the link by which it may have been called: that link will lead to this.
  return { node: process.execPath, updater: realpathSync(process.argv[1] ?? "") };
}

/** Asks the open job to stop before the swap; a job past that point takes no notice. */
async function abort(directory: string): Promise<number | null> {
  const paths = instancePaths(directory);
  const job = await openJob(paths);
  if (job === undefined || job.hasBegun("J6")) return null;
  await writeFileDurably(join(job.paths.directory, "abort"), "");
  // A build may run for half an hour: it is ended now, and the unit, started again, closes the job.
  // Halted first, so that the job can't begin to swap between the look and the kill.
  await signalUnit(directory, "SIGSTOP");
  const halted = await Job.read(paths, job.sequence);
  if (halted?.hasBegun("J6") === true) {
    await signalUnit(directory, "SIGCONT");
    return null;
  }
  await signalUnit(directory, "SIGKILL");
  return job.sequence;
}

function print(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${plainText(messageOf(error)).slice(0, MAXIMUM_MESSAGE)}\n`);
  process.exitCode = 1;
});
