/** chatalot:BackupSchedule: the server backs itself up by the clock, and restores what it has to prove it. */
import { UserError } from "../common/errors.ts";
import type { Routine, Schedule, ScheduleState } from "../updater/schedule/protocol.ts";
import { canonicalJson } from "../common/canonical-json.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { instanceAddition, knownServerOf, stateIfReachable } from "./place.ts";
import type { Resource, ResourceContext } from "./resource.ts";
import { removeScheduleOf, setScheduleOf } from "./server/server-schedule.ts";
import type { ServerPlace } from "./server/remote-server.ts";

/** What each routine is called in a sentence. */
const NAMES: Record<Routine, string> = { backup: "backup", drill: "restore drill" };

export const backupSchedule: Resource = {
  async check(context, olds, news) {
    const state = await stateIfReachable(news);
    if (state?.instanceId === undefined) return { additions: {}, refusals: [] };
    for (const problem of state.schedule?.problems ?? []) context.warn(`${problem}.`);
    const drift = driftOf(olds, state.schedule);
    if (drift.length > 0)
      context.tell(`The server's timers differ from what was set:\n  - ${drift.join("\n  - ")}`);
    return {
      additions: {
        ...instanceAddition(olds, state),
        ...(drift.length === 0 ? {} : { drift: drift.join("; ") }),
      },
      refusals: [],
    };
  },

  diff(olds, news) {
    return (
      news.drift !== undefined ||
      ["place", "schedule"].some(
        (key) => hasUnknown(news[key]) || canonicalJson(olds[key]) !== canonicalJson(news[key]),
      )
    );
  },

  async create(context, inputs) {
    return { id: (inputs.place as ServerPlace).project, outputs: await set(context, inputs) };
  },

  async update(context, _olds, news) {
    return set(context, news);
  },

  async read(_context, outputs) {
    return outputs;
  },

  /** The timers go; every backup stays. */
  async delete(context, outputs) {
    await removeScheduleOf(knownServerOf(outputs), (text) => context.tell(text));
    context.tell("No backup is taken by the clock any more; those that were taken stay.");
  },
};

/** A server that never had the timers is not told as one whose timers went away. */
function driftOf(olds: Wire, found: ScheduleState | undefined): string[] {
  if (olds.schedule === undefined) return [];
  if (found === undefined) return ["there is none of them any more"];
  return found.drift;
}

async function set(context: ResourceContext, inputs: Wire): Promise<Wire> {
  const server = knownServerOf(inputs);
  const schedule = inputs.schedule as Schedule;
  const answer = await setScheduleOf(server, schedule, (text) => context.tell(text));
  if (answer.answer === "refused") throw new UserError(answer.reasons.join("\n"));
  for (const [routine, time] of Object.entries(answer.next) as [Routine, string][])
    context.tell(`next ${NAMES[routine]}: ${time}`);
  const { drift: _, ...outputs } = inputs;
  return outputs;
}
