/** chatalot:Health: what serves is healthy, seen on the server and, where asked, from outside. */
import { canonicalJson } from "../common/canonical-json.ts";
import { UserError } from "../common/errors.ts";
import { probeHealth } from "../updater/drivers/compose/health.ts";
import type { HealthAnswer } from "../updater/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { shown } from "../common/engine-markup.ts";
import { knownServerOf, readOrKeep, stateIfReachable } from "./place.ts";
import type { Resource, ResourceContext } from "./resource.ts";

/** What a public address that doesn't answer means. */
export type PublicCheck = "off" | "warn" | "required";

export const health: Resource = {
  async check(_context, olds, news) {
    const state = await stateIfReachable(news);
    const answer = state?.health;
    const isBad =
      state?.openJob === undefined &&
      olds.commit !== undefined &&
      answer !== undefined &&
      !isGood(answer);
    return {
      additions: isBad ? { drift: answer.problem ?? `status ${answer.status}` } : {},
      refusals: [],
    };
  },

  diff(olds, news) {
    return (
      news.drift !== undefined ||
      ["place", "commit", "deployment", "url", "public"].some(
        (key) => hasUnknown(news[key]) || !isSame(olds[key], news[key]),
      )
    );
  },

  async create(context, inputs) {
    return { id: "health", outputs: await prove(context, inputs) };
  },

  async update(context, _olds, news) {
    return prove(context, news);
  },

  async read(context, outputs) {
    return readOrKeep(context, outputs, async (server) => {
      const { health: answer } = await server.state();
      return { ...outputs, status: shown(answer?.status ?? "unreachable") };
    });
  },

  async delete() {},
};

function isGood(answer: HealthAnswer | undefined): boolean {
  return answer?.status === "ok" && answer.databaseHealthy === true;
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}

async function prove(context: ResourceContext, inputs: Wire): Promise<Wire> {
  const server = knownServerOf(inputs);
  // What was read since the last change of this run needs no second look where it is good.
  if (!isGood((await server.state()).health)) server.forget();
  const { health: answer, server: container } = await server.state();
  if (answer === undefined || !isGood(answer))
    throw new UserError(
      `The server is not healthy: ${answer?.problem ?? `status ${answer?.status ?? "unknown"}`}. ` +
        "Look at its log: docker logs chatalot-server.",
    );
  const { drift: _, ...outputs } = inputs;
  await checkPublic(context, inputs);
  return {
    ...outputs,
    status: answer.status,
    version: shown(answer.version ?? ""),
    startedAt: container?.startedAt ?? "",
  };
}

/** The update is committed by now, so this never reverts: it tells what visitors would see. */
async function checkPublic(context: ResourceContext, inputs: Wire): Promise<void> {
  const url = inputs.url as string | undefined;
  const meaning = inputs.public as PublicCheck;
  if (url === undefined || meaning === "off") return;
  const answer = await probeHealth(new URL(url).origin);
  if (answer.status === "ok") return;
  const text =
    `${url} does not answer as Chatalot: ${answer.problem ?? `status ${answer.status}`}. The update is ` +
    "committed and not reverted; look at the name, the reverse proxy and the firewall.";
  if (meaning === "required") throw new UserError(text);
  context.warn(text);
}
