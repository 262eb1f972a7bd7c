/** chatalot:BackupSchedule: the server backs itself up by the clock, and restores what it has to prove it. */
import type { Routine, Schedule, SetScheduleAnswer } from "../updater/schedule/protocol.ts";
import { foreseeScheduleOf, removeScheduleOf, setScheduleOf } from "./server/server-schedule.ts";
import { timerResource } from "./timers.ts";

/** What each routine is called in a sentence. */
const NAMES: Record<Routine, string> = { backup: "backup", drill: "restore drill" };

export const backupSchedule = timerResource<SetScheduleAnswer>({
  input: "schedule",
  found: ({ schedule }) => schedule,
  warning: (problem) => `${problem}.`,
  what: "timers",
  gone: "there is none of them any more",
  foresee: (server, schedule) => foreseeScheduleOf(server, schedule as Schedule),
  set: (server, schedule, tell) => setScheduleOf(server, schedule as Schedule, tell),
  told(context, { next }) {
    for (const [routine, time] of Object.entries(next) as [Routine, string][])
      context.tell(`next ${NAMES[routine]}: ${time}`);
  },
  // The timers go; every backup stays.
  remove: removeScheduleOf,
  farewell: "No backup is taken by the clock any more; those that were taken stay.",
});
