/** What the resources share whose whole effect are timers of the server: set, compared, and removed. */
import { canonicalJson } from "../common/canonical-json.ts";
import type { ForeseenTimers, RemovedAnswer, ServerState } from "../updater/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { instanceAddition, knownServerOf, stateIfReachable } from "./place.ts";
import type { Resource, ResourceContext } from "./resource.ts";
import { refuseAnswer } from "./server/answers.ts";
import type { RemoteServer, ServerPlace } from "./server/remote-server.ts";

/** One such resource. */
export interface Timers<Answer> {
  /** The input with what is set. */
  input: string;
  /** What the server has of it; undefined: nothing. */
  found: (state: ServerState) => { drift: string[]; problems: string[] } | undefined;
  /** How a problem is told that no `up` mends. */
  warning: (problem: string) => string;
  /** What differs, and what is said where all of it is gone. */
  what: string;
  gone: string;
  /** What `set` would be refused, asked without changing anything; undefined where that can't be asked. */
  foresee: (server: RemoteServer, wanted: unknown) => Promise<ForeseenTimers | undefined>;
  set: (server: RemoteServer, wanted: unknown, tell: (text: string) => void) => Promise<Answer>;
  /** Tells what came of it. */
  told?: (context: ResourceContext, answer: Exclude<Answer, { answer: "refused" }>) => void;
  remove: (
    server: RemoteServer,
    instanceId: string | undefined,
    tell: (text: string) => void,
  ) => Promise<RemovedAnswer>;
  /** What is said once it is removed. */
  farewell: string;
}

type Answered = { answer: "set" } | { answer: "refused"; reasons: string[] };

export function timerResource<Answer extends Answered>(timers: Timers<Answer>): Resource {
  const { input } = timers;
  /** A server that never had them is not told as one whose timers went away. */
  const driftOf = (olds: Wire, state: ServerState): string[] => {
    if (olds[input] === undefined) return [];
    return timers.found(state)?.drift ?? [timers.gone];
  };
  const differs = (olds: Wire, news: Wire): boolean =>
    news.drift !== undefined ||
    ["place", input].some(
      (key) => hasUnknown(news[key]) || canonicalJson(olds[key]) !== canonicalJson(news[key]),
    );
  /** Before the deployment that it comes after: what is refused only then fails a run that has changed the chat. */
  const foreseenRefusals = async (
    context: ResourceContext,
    olds: Wire,
    news: Wire,
    state: ServerState,
  ): Promise<string[]> => {
    // A run with nothing to do asks nothing.
    if (hasUnknown(news[input]) || !differs(olds, news)) return [];
    const foreseen = await timers.foresee(knownServerOf(news), news[input]);
    if (foreseen === undefined) return [];
    const { refusals, isSet } = foreseen;
    // Whoever asks without the last run's inputs, as the doctor does, asks for what is there: no up sets that anew.
    const isKept = isSet && olds[input] === undefined && timers.found(state)?.drift.length === 0;
    if (!isKept) return refusals;
    for (const refusal of refusals) context.warn(refusal);
    return [];
  };
  const set = async (context: ResourceContext, inputs: Wire): Promise<Wire> => {
    const server = knownServerOf(inputs);
    const answer = await timers.set(server, inputs[input], (text) => context.tell(text));
    refuseAnswer(answer);
    timers.told?.(context, answer);
    const { drift: _, ...outputs } = inputs;
    // Before the first deployment there was none, so that the inputs may lack it.
    const instanceId = inputs.instanceId ?? (await server.state()).instanceId;
    return { ...outputs, instanceId };
  };
  return {
    async check(context, olds, news) {
      const state = await stateIfReachable(news);
      if (state?.instanceId === undefined) return { additions: {}, refusals: [] };
      for (const problem of timers.found(state)?.problems ?? [])
        context.warn(timers.warning(problem));
      const drift = driftOf(olds, state);
      if (drift.length > 0)
        context.tell(
          `The server's ${timers.what} differ from what was set:\n  - ${drift.join("\n  - ")}`,
        );
      const additions = {
        ...instanceAddition(olds, state),
        ...(drift.length === 0 ? {} : { drift: drift.join("; ") }),
      };
      return {
        additions,
        refusals: await foreseenRefusals(context, olds, { ...news, ...additions }, state),
      };
    },

    diff: differs,

    async create(context, inputs) {
      return { id: (inputs.place as ServerPlace).project, outputs: await set(context, inputs) };
    },

    async update(context, _olds, news) {
      return set(context, news);
    },

    async read(_context, outputs) {
      return outputs;
    },

    /** What another instance has set there since is not this stack's to take away. */
    async delete(context, outputs) {
      const instanceId = outputs.instanceId as string | undefined;
      const answer = await timers.remove(knownServerOf(outputs), instanceId, (text) =>
        context.tell(text),
      );
      if (answer.answer === "removed") context.tell(timers.farewell);
      else
        context.warn(`The server's ${timers.what} were left there: ${answer.reasons.join("\n")}`);
    },
  };
}
