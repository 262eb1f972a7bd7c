/**
 * What a timer starts: asks for a job as an operator would, waits for its end, notes how it went, and
 * removes the scheduled backups that are too many.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../common/errors.ts";
import { backupSummary, listBackups, removeBackup } from "../backups.ts";
import { readInstance } from "../instance.ts";
import { Job, openJob, type Runner } from "../job.ts";
import { type InstancePaths, instancePaths } from "../paths.ts";
import { type JobRequest, PROTOCOL, type Verdict } from "../protocol.ts";
import { outdatedBackups } from "../retention.ts";
import { noInstance, submit } from "../submit.ts";
import { withSubmitLock } from "../submit-lock.ts";
import { type Routine } from "./protocol.ts";
import { copyBackups } from "../copies/copies.ts";
import { copyOrder, keptScheduled, noteRun, scheduledFiles } from "./schedule.ts";

/** How often a job is looked at. */
const INTERVAL = 1_000;

/** Who asks, in the ledger. */
export const SCHEDULE = "the schedule";

/** How the waiting is done, which tests replace. */
export interface RoutineOptions {
  /** In milliseconds. @default a second */
  interval?: number;
  /** Gives a request to the server. @default the one of this process */
  ask?: typeof submit;
}

/**
 * @returns what came of it, in words
 * @throws where it did not go well, which systemd then knows
 */
export async function runRoutine(
  directory: string,
  routine: Routine,
  runner: Runner,
  options: RoutineOptions = {},
): Promise<string> {
  const paths = instancePaths(directory);
  const at = new Date().toISOString();
  try {
    const text = await perform(paths, routine, runner, options);
    await noteRun(paths, routine, { at, outcome: "done", text });
    return text;
  } catch (error) {
    await noteRun(paths, routine, { at, outcome: "failed", text: messageOf(error) });
    throw error;
  }
}

async function perform(
  paths: InstancePaths,
  routine: Routine,
  runner: Runner,
  { interval = INTERVAL, ask = submit }: RoutineOptions,
): Promise<string> {
  const instance = await readInstance(paths);
  if (instance === undefined) throw new Error(noInstance(paths));
  const request: JobRequest = {
    protocol: PROTOCOL,
    directory: paths.directory,
    project: instance.project,
    instanceId: instance.id,
    volumes: [],
    requestedBy: SCHEDULE,
    ...(routine === "backup"
      ? { kind: "backup", scheduled: true, files: await scheduledFiles(paths) }
      : { kind: "check-backups" }),
  };
  for (;;) {
    // An update that is under way comes first, however long its migrations take: systemd ends the wait.
    while ((await openJob(paths)) !== undefined) await sleep(interval);
    const answer = await ask(request, runner);
    if (answer.answer === "started" || answer.answer === "attached") {
      const { outcome, text } = await verdictOf(paths, answer.sequence, interval);
      if (outcome !== "done") throw new Error(text);
      if (routine === "backup") {
        await removeOutdated(paths);
        await copyWhereWanted(paths);
      }
      return text;
    }
    // Somebody else's job may have been opened in between.
    if (answer.answer === "refused" && (await openJob(paths)) === undefined)
      throw new Error(answer.reasons.join(" "));
  }
}

/** A copy that fails is told apart: the backup itself is there. */
async function copyWhereWanted(paths: InstancePaths): Promise<void> {
  const order = await copyOrder(paths);
  if (order !== undefined) await copyBackups(paths, order).catch(() => undefined);
}

async function verdictOf(
  paths: InstancePaths,
  sequence: number,
  interval: number,
): Promise<Verdict> {
  for (;;) {
    const verdict = (await Job.read(paths, sequence))?.closed?.verdict;
    if (verdict !== undefined) return verdict;
    await sleep(interval);
  }
}

/** Under the lock of submissions, so that no job that could want one begins meanwhile. */
async function removeOutdated(paths: InstancePaths): Promise<void> {
  const keep = await keptScheduled(paths);
  if (keep === undefined) return;
  await withSubmitLock(paths, async () => {
    // It removes them after its own job.
    if ((await openJob(paths)) !== undefined) return;
    const backups = (await listBackups(paths)).map(backupSummary);
    for (const { name } of outdatedBackups(backups, keep, "scheduled"))
      await removeBackup(paths, name);
  });
}
