/** chatalot:Watch: the server looks at itself by the clock, and tells whom it may concern what is wrong. */
import { canonicalJson } from "../common/canonical-json.ts";
import { UserError } from "../common/errors.ts";
import type { AlertSettings, AlertState } from "../updater/alerts/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { instanceAddition, knownServerOf, stateIfReachable } from "./place.ts";
import type { Resource, ResourceContext } from "./resource.ts";
import type { ServerPlace } from "./server/remote-server.ts";
import { removeAlertsOf, setAlertsOf } from "./server/server-alerts.ts";

export const watch: Resource = {
  async check(context, olds, news) {
    const state = await stateIfReachable(news);
    if (state?.instanceId === undefined) return { additions: {}, refusals: [] };
    for (const problem of state.alerts?.problems ?? [])
      context.warn(`An alert could not be sent: ${problem}. Try it: npx chatalot alerts --test`);
    const drift = driftOf(olds, state.alerts);
    if (drift.length > 0)
      context.tell(`The server's alerts differ from what was set:\n  - ${drift.join("\n  - ")}`);
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
      ["place", "alerts"].some(
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

  async delete(context, outputs) {
    await removeAlertsOf(knownServerOf(outputs), (text) => context.tell(text));
    context.tell("The server tells nobody any more that something is wrong with it.");
  },
};

/** A server that never had alerts is not told as one whose alerts went away. */
function driftOf(olds: Wire, found: AlertState | undefined): string[] {
  if (olds.alerts === undefined) return [];
  if (found === undefined) return ["there are none any more"];
  return found.drift;
}

async function set(context: ResourceContext, inputs: Wire): Promise<Wire> {
  const server = knownServerOf(inputs);
  const answer = await setAlertsOf(server, inputs.alerts as AlertSettings, (text) =>
    context.tell(text),
  );
  if (answer.answer === "refused") throw new UserError(answer.reasons.join("\n"));
  const { drift: _, ...outputs } = inputs;
  return outputs;
}
