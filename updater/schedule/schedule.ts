/** What an instance does by the clock: set, removed, and looked at. */
import { canonicalJson } from "../../common/canonical-json.ts";
import { readFileIfThere, removeDurably, writeFileDurably } from "../files.ts";
import { readInstance, removalRefusals } from "../instance.ts";
import { type InstancePaths, instancePaths } from "../paths.ts";
import { listBackups } from "../backups.ts";
import { messageOf } from "../../common/errors.ts";
import { Cipher } from "../copies/cipher.ts";
import { forgetCopies, readCopies } from "../copies/copies.ts";
import { placeProblem } from "../copies/place.ts";
import type { CopyOrder } from "../copies/protocol.ts";
import type { ForeseenTimers, RemovedAnswer, RemoveTimersRequest } from "../protocol.ts";
import { noInstance } from "../submit.ts";
import { calendarProblem, longestPause } from "./calendar.ts";
import {
  type Routine,
  type RoutineRun,
  type RoutineState,
  ROUTINES,
  type Schedule,
  scheduleSchema,
  type ScheduleState,
  type SetScheduleAnswer,
  type SetScheduleRequest,
} from "./protocol.ts";
import { removeUnits, unitDrift } from "../unit-files.ts";
import { nextRun, routineUnits, unitFiles, writeUnits } from "./units.ts";

/** What was set, in the updater's folder. */
interface SetSchedule {
  schedule: Schedule;
  setAt: string;
  /** The longest pause between two backups, in milliseconds. */
  pause: number;
}

/** A backup that is late by less than this is not missed yet. */
const GRACE = 3_600_000;

export async function setSchedule(request: SetScheduleRequest): Promise<SetScheduleAnswer> {
  const paths = instancePaths(request.directory);
  const { schedule } = request;
  const reasons = await scheduleProblems(paths, schedule);
  if (reasons.length > 0) return { answer: "refused", reasons };
  if (schedule.copyTo === undefined) await forgetCopies(paths);
  // What is wanted is written first: a kill between the two is seen as drift.
  const set: SetSchedule = {
    schedule,
    setAt: new Date().toISOString(),
    pause: await longestPause(schedule.backup),
  };
  await writeFileDurably(paths.schedule, JSON.stringify(set));
  await writeUnits(request.directory, schedule);
  const next: Partial<Record<Routine, string>> = {};
  for (const routine of ROUTINES) {
    const time =
      schedule[routine] === undefined ? undefined : await nextRun(routine, paths.directory);
    if (time !== undefined) next[routine] = time;
  }
  return { answer: "set", next };
}

/** What {@link setSchedule} would refuse now. Reads only. */
export async function foreseeSchedule({
  directory,
  schedule,
}: SetScheduleRequest): Promise<ForeseenTimers> {
  const paths = instancePaths(directory);
  const [refusals, set] = await Promise.all([scheduleProblems(paths, schedule), readSet(paths)]);
  return { refusals, isSet: canonicalJson(set?.schedule ?? null) === canonicalJson(schedule) };
}

async function scheduleProblems(paths: InstancePaths, schedule: Schedule): Promise<string[]> {
  const reasons = (await readInstance(paths)) === undefined ? [noInstance(paths)] : [];
  for (const routine of ROUTINES) {
    const calendar = schedule[routine];
    const problem = calendar === undefined ? undefined : await calendarProblem(calendar);
    if (problem !== undefined)
      reasons.push(
        `The server's systemd doesn't take "${calendar}": ${problem}. See what it makes of a time: ` +
          "systemd-analyze calendar '*-*-* 03:30 Europe/Berlin'",
      );
  }
  return [...reasons, ...(await copyProblems(paths, schedule))];
}

async function copyProblems(
  paths: InstancePaths,
  { copyTo, encryptTo = [] }: Schedule,
): Promise<string[]> {
  if (copyTo === undefined) return [];
  const problem = await placeProblem(paths, copyTo);
  const others = await Cipher.for(encryptTo).then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  return [
    ...(problem === undefined ? [] : [`backup.copyTo can't be used: ${problem}.`]),
    ...(others === undefined ? [] : [`backup.encryptTo can't be used: ${others}.`]),
  ];
}

/** The backups that were taken stay. */
export async function removeSchedule(request: RemoveTimersRequest): Promise<RemovedAnswer> {
  const paths = instancePaths(request.directory);
  const reasons = await removalRefusals(paths, request.instanceId);
  if (reasons.length > 0) return { answer: "refused", reasons };
  await removeUnits(routineUnits(paths.directory));
  await forgetCopies(paths);
  await removeDurably(paths.schedule);
  return { answer: "removed" };
}

/** Undefined where nothing is done by the clock. */
export async function readSchedule(paths: InstancePaths): Promise<ScheduleState | undefined> {
  const set = await readSet(paths);
  if (set === undefined) return undefined;
  const { schedule } = set;
  const [drift, runs] = await Promise.all([
    unitDrift(unitFiles(paths.directory, schedule)),
    readRuns(paths),
  ]);
  const routines: ScheduleState["routines"] = {};
  for (const routine of ROUTINES) {
    const calendar = schedule[routine];
    if (calendar === undefined) continue;
    const next = await nextRun(routine, paths.directory);
    const last = runs[routine];
    const state: RoutineState = { calendar };
    if (next !== undefined) state.next = next;
    if (last !== undefined) state.last = last;
    routines[routine] = state;
  }
  const copies = schedule.copyTo === undefined ? undefined : await readCopies(paths);
  const problems = [
    ...failures(runs, routines),
    ...(await ageProblems(paths, set)),
    ...(copies?.problem === undefined
      ? []
      : [`the backups were not copied to ${schedule.copyTo} (${copies.at}): ${copies.problem}`]),
  ];
  return {
    ...{ routines, keep: schedule.keep, drift, problems },
    ...(copies === undefined ? {} : { copies: { ...copies, to: schedule.copyTo ?? "" } }),
  };
}

/** What is kept of the scheduled backups; undefined where none are taken by the clock. */
export async function keptScheduled(paths: InstancePaths): Promise<number | undefined> {
  return (await readSet(paths))?.schedule.keep;
}

/** Where copies go; undefined where none do. */
export async function copyOrder(paths: InstancePaths): Promise<CopyOrder | undefined> {
  const schedule = (await readSet(paths))?.schedule;
  if (schedule?.copyTo === undefined) return undefined;
  const { copyTo, encryptTo = [], keep } = schedule;
  return { copyTo, encryptTo, keep };
}

/** Whether the scheduled backups have more than the database. */
export async function scheduledFiles(paths: InstancePaths): Promise<boolean> {
  return (await readSet(paths))?.schedule.files === true;
}

/** Notes how a routine went. */
export async function noteRun(
  paths: InstancePaths,
  routine: Routine,
  run: RoutineRun,
): Promise<void> {
  const runs = { ...(await readRuns(paths)), [routine]: run };
  await writeFileDurably(paths.routineRuns, JSON.stringify(runs));
}

function failures(
  runs: Partial<Record<Routine, RoutineRun>>,
  routines: ScheduleState["routines"],
): string[] {
  return ROUTINES.flatMap((routine) => {
    const run = routines[routine] === undefined ? undefined : runs[routine];
    if (run?.outcome !== "failed") return [];
    const what = routine === "backup" ? "the last scheduled backup" : "the last restore drill";
    return [`${what} failed (${run.at}): ${run.text}`];
  });
}

/** A timer that runs and does nothing would else look well for ever. */
async function ageProblems(paths: InstancePaths, { setAt, pause }: SetSchedule): Promise<string[]> {
  if (pause === 0) return [];
  const proven = (await listBackups(paths)).flatMap(
    ({ manifest }) => manifest.proof?.restoredAt ?? [],
  );
  const last = [setAt, ...proven].map((time) => Date.parse(time)).sort((a, b) => b - a)[0] ?? 0;
  const age = Date.now() - last;
  if (age <= pause + GRACE) return [];
  return [
    `no backup was proven since ${new Date(last).toISOString()}, which is ` +
      `${Math.round(age / 3_600_000)} hours ago`,
  ];
}

async function readSet(paths: InstancePaths): Promise<SetSchedule | undefined> {
  const text = await readFileIfThere(paths.schedule);
  if (text === undefined) return undefined;
  const found = JSON.parse(text) as SetSchedule;
  return { ...found, schedule: scheduleSchema.parse(found.schedule) };
}

async function readRuns(paths: InstancePaths): Promise<Partial<Record<Routine, RoutineRun>>> {
  const text = await readFileIfThere(paths.routineRuns);
  return text === undefined ? {} : (JSON.parse(text) as Partial<Record<Routine, RoutineRun>>);
}
