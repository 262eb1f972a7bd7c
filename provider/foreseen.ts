/** What the server would answer to a deployment, for a preview that can't tell it from settings alone. */
import type { ForeseenAnswer, ServerState, SwitchRequest } from "../updater/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { knownServerOf } from "./place.ts";
import { foreseeIfInstalled } from "./server/foresee.ts";

/** Asks when called. Undefined: it can't be told yet. */
export type Foresight = () => Promise<ForeseenAnswer | undefined>;

/** What decides; the rest is of no account for the answer, or the server has its own. */
const NEEDED = ["place", "commit", "migrations", "configuration", "secretEnv"];

/** @param requestOf makes the request of a change from its inputs */
export function foresight(
  news: Wire,
  state: ServerState,
  requestOf: (inputs: Wire) => Promise<SwitchRequest>,
): Foresight {
  return async () => {
    if (NEEDED.some((name) => hasUnknown(news[name]))) return undefined;
    // A job that is under way is no answer to what a later one would do; what is not there is brought before.
    if (state.openJob !== undefined || !state.prepared.includes(news.commit as string))
      return undefined;
    const known = Object.fromEntries(
      Object.entries(news).filter(([, value]) => !hasUnknown(value)),
    );
    const { instanceId } = state;
    const request = await requestOf(instanceId === undefined ? known : { ...known, instanceId });
    return foreseeIfInstalled(knownServerOf(news), request);
  };
}
