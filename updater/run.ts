/**
 * Runs the open job of an instance, or takes it up where a kill or a power cut left it. What comes
 * next is read from the journal alone:
 *
 * - committed: finish the cleaning
 * - failed: take back what was done, in reverse
 * - interrupted after the service was touched: the same
 * - otherwise: begin, or begin again
 */
import { ComposeDriver } from "./drivers/compose/compose-driver.ts";
import type { Driver } from "./drivers/driver.ts";
import { nameExists, writeFileDurably } from "./files.ts";
import { withReserve } from "./instance.ts";
import { messageOf } from "../common/errors.ts";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Job, openJob } from "./job.ts";
import { Ledger } from "./ledger.ts";
import { acquireLock } from "./lock.ts";
import { withSubmitLock } from "./submit-lock.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import { Progress } from "./progress.ts";
import type { ServingRecord } from "./protocol.ts";
import { closeJob, durationsOf } from "./close.ts";
import { settle } from "./steps/clean.ts";
import { CHECK_BACKUPS_STEPS } from "./steps/check-backups.ts";
import { BACKUP_STEPS } from "./steps/take-backup.ts";
import { PREPARE_STEPS } from "./steps/prepare.ts";
import { REMOVE_STEPS } from "./steps/remove.ts";
import { HopelessError, type JobContext, type Step, type Undo } from "./steps/step.ts";
import { SWITCH_STEPS } from "./steps/switch.ts";
import { isAboutBackups } from "./texts.ts";
import { disarmUnit } from "./unit.ts";
import { boundUnitLog } from "./unit-log.ts";

/** How often the way forward is tried, and each step of the way back, before it is given up. */
const MAXIMUM_ATTEMPTS = 3;

const STEPS: Record<Job["plan"]["kind"], readonly Step[]> = {
  prepare: PREPARE_STEPS,
  switch: SWITCH_STEPS,
  remove: REMOVE_STEPS,
  backup: BACKUP_STEPS,
  "check-backups": CHECK_BACKUPS_STEPS,
};

/**
 * The longest pause between two tries of a cleaning, in milliseconds: the operator who mended its cause
 * doesn't wait long, and a night of failures writes hundreds of lines and not tens of thousands.
 */
const LONGEST_PAUSE = 30_000;

/** Of a committed job no more tries are counted: the pause is at its longest by then. */
const COUNTED_ATTEMPTS = 6;

/** How an instance's server is run. */
export type DriverOf = (paths: InstancePaths, project: string) => Driver;

/** The unit's work. Resolves when no job is open; throws to be started again. */
export async function runOpenJob(
  directory: string,
  driverOf: DriverOf = (paths, project) => new ComposeDriver(paths, project),
  pause: (milliseconds: number) => Promise<unknown> = sleep,
): Promise<void> {
  const paths = instancePaths(directory);
  const lock = await acquireLock(paths.lock);
  try {
    // On a full disk this may fail, and must not keep a job from going on.
    await boundUnitLog(paths.unitLog).catch(() => undefined);
    for (;;) {
      const job = await openJob(paths);
      if (job !== undefined) await runJob(paths, job, driverOf(paths, job.plan.project), pause);
      else if (await disarmedWithoutJob(paths)) return;
    }
  } finally {
    await lock.release();
  }
}

/** Under the lock of submissions, so that a job that is just being opened keeps its unit. */
async function disarmedWithoutJob(paths: InstancePaths): Promise<boolean> {
  return withSubmitLock(paths, async () => {
    if ((await openJob(paths)) !== undefined) return false;
    await disarmUnit(paths.directory);
    return true;
  });
}

async function runJob(
  paths: InstancePaths,
  job: Job,
  driver: Driver,
  pause: (milliseconds: number) => Promise<unknown>,
): Promise<void> {
  const ledger = await Ledger.read(paths);
  const progress = new Progress(job.paths.progress);
  const context: JobContext = { paths, job, ledger, driver, progress };
  const hasEnded = ledger.of(job.sequence, job.reopenings) !== undefined;
  try {
    if (!hasEnded && (job.committed === undefined || job.attempts < COUNTED_ATTEMPTS))
      await job.record({ type: "attempt", boot: await bootId() });
    await advance(context);
  } catch (error) {
    // The unit starts it again at once; what keeps failing is not tried each second for ever.
    if (hasEnded) {
      progress.tell(job.step, `it has ended, and can't be closed yet: ${messageOf(error)}`);
      await pause(LONGEST_PAUSE);
    } else if (job.committed !== undefined && job.attempts > 1)
      await pause(Math.min(LONGEST_PAUSE, 1_000 * 2 ** (job.attempts - 1)));
    throw error;
  } finally {
    await context.progress.flushed();
  }
}

async function advance(context: JobContext): Promise<void> {
  const { job, ledger } = context;
  const steps = STEPS[job.plan.kind];
  // Killed between the ledger's record and the journal's last: how it ended is decided.
  const ended = ledger.of(job.sequence, job.reopenings);
  if (ended !== undefined) {
    await closeJob(context, ended.outcome, {
      ...(ended.serving === undefined ? {} : { serving: ended.serving }),
    });
    return;
  }
  if (job.committed === undefined && job.failed === undefined) await forward(context, steps);
  if (job.committed !== undefined) await finish(context, job.committed.serving);
  else if (job.failed !== undefined) await goBack(context, steps);
  else await closeJob(context, "done");
}

/** From the first step to J10. A failure is recorded and not thrown. */
async function forward(context: JobContext, steps: readonly Step[]): Promise<void> {
  const { job, progress } = context;
  const touched = steps.find((step) => step.touchesService === true && job.hasBegun(step.id));
  if (touched !== undefined) {
    await job.record({
      type: "failed",
      step: job.step,
      cause: `the update was interrupted at step ${job.step}`,
    });
    return;
  }
  if (job.attempts > MAXIMUM_ATTEMPTS) {
    const cause = `the job was interrupted ${job.attempts - 1} times at step ${job.step}`;
    await job.record({ type: "failed", step: job.step, cause });
    return;
  }
  for (const step of steps) {
    if (step.isNeeded?.(context) === false) continue;
    try {
      if (steps.every(({ id, touchesService }) => touchesService !== true || !job.hasBegun(id)))
        await refuseIfAborted(job);
      progress.tell(step.id, step.title);
      await job.record({ type: "begun", step: step.id });
      await holdForTests(step.id);
      const facts = await step.run(context);
      await job.record({ type: "done", step: step.id, ...(facts ? { facts } : {}) });
    } catch (error) {
      // At once and as it is: a kill from here on must not become the cause.
      await job.record({ type: "failed", step: step.id, cause: messageOf(error) });
      // The rest of the text, such as the server's last words, comes with the verdict.
      progress.tell(step.id, `failed: ${messageOf(error).split("\n")[0]}`);
      return;
    }
  }
  const proven = job.factsOf("J9")?.serving as ServingRecord | undefined;
  if (job.plan.kind !== "switch" || proven === undefined) return;
  await holdForTests("J10");
  await job.record({ type: "committed", serving: proven, durations: durationsOf(job) });
  progress.tell("J10", "committed");
}

async function finish(context: JobContext, serving: ServingRecord): Promise<void> {
  await holdForTests("J11");
  const { job, progress } = context;
  if (!job.isDone("J11")) {
    try {
      await job.record({ type: "done", step: "J11", facts: await settle(context, serving) });
    } catch (error) {
      progress.tell("J11", `failed, and is tried again: ${messageOf(error)}`);
      throw error;
    }
  }
  await closeJob(context, "done", { serving });
}

async function goBack(context: JobContext, steps: readonly Step[]): Promise<void> {
  const { job } = context;
  const begun = steps.filter((step) => job.hasBegun(step.id));
  if (!begun.some((step) => step.touchesService === true)) {
    const { kind } = job.plan;
    await closeJob(context, kind === "remove" || isAboutBackups(kind) ? "failed" : "untouched");
    return;
  }
  if (job.attemptsWithoutProgress >= MAXIMUM_ATTEMPTS) {
    await giveUp(context);
    return;
  }
  try {
    for (const step of begun.reverse())
      if (step.undo !== undefined) await takeBack(context, step.undo);
  } catch (error) {
    if (!(error instanceof HopelessError)) throw error;
    await giveUp(context);
    return;
  }
  await holdForTests("R5");
  await closeJob(context, job.plan.previous === undefined ? "stopped" : "reverted");
}

async function takeBack(context: JobContext, undo: Undo): Promise<void> {
  const { job, progress } = context;
  if (job.isDone(undo.id)) return;
  progress.tell(undo.id, undo.title);
  await job.record({ type: "begun", step: undo.id });
  await holdForTests(undo.id);
  try {
    // A daemon that is being restarted is no failed attempt.
    await context.driver.waitUntilReady();
    const facts = await undo.run(context);
    await job.record({ type: "done", step: undo.id, ...(facts ? { facts } : {}) });
  } catch (error) {
    progress.tell(undo.id, `failed: ${messageOf(error)}`);
    const last = join(job.paths.directory, "last-error");
    // What failed counts, and not that it can't be noted on a full disk.
    await writeFileDurably(last, messageOf(error)).catch(() => undefined);
    throw error;
  }
}

/** X: three attempts to go back failed. Nothing is deleted, and no job starts until a person has looked. */
async function giveUp(context: JobContext): Promise<void> {
  const { paths, job } = context;
  const last = await readFile(join(job.paths.directory, "last-error"), "utf8").catch(
    () => "unknown",
  );
  const text =
    `job ${job.sequence} to ${job.plan.release?.name ?? "?"} failed (${job.failed?.cause ?? "?"}) and ` +
    `going back failed at step ${job.step}: ${last}.`;
  await withReserve(paths, () => writeFileDurably(paths.needsOperator, `${text}\n`));
  await closeJob(context, "needs-operator", { note: last });
}

async function refuseIfAborted(job: Job): Promise<void> {
  if (await nameExists(join(job.paths.directory, "abort")))
    throw new Error("it was stopped before it touched the running server, as asked");
}

async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/**
 * Tests stop a job at an exact step: a drop-in of the unit names the step, and the job waits there
 * to be killed, or to be told to go on. Without that variable this does nothing.
 */
async function holdForTests(step: string): Promise<void> {
  if (process.env.CHATALOT_DEPLOY_HOLD_AT !== step) return;
  await new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, 600_000);
    process.once("SIGUSR2", () => {
      clearTimeout(limit);
      resolve();
    });
  });
}
