/** chatalot:Host: the server meets every requirement and has this version's updater. */
import { UserError } from "../common/errors.ts";
import type { Wire } from "./codec.ts";
import { instanceRefusals, knownServerOf, serverOf } from "./place.ts";
import type { Resource, ResourceContext } from "./resource.ts";
import { type HostNeeds, hostFailures, hostWarnings, installable } from "./server/requirements.ts";
import type { ServerState } from "../updater/protocol.ts";
import { isUnreachable, type RemoteServer, UpdaterGoneError } from "./server/remote-server.ts";
import { updaterBundle } from "./server/updater-bundle.ts";

export const host: Resource = {
  /** Lists everything that is missing at once. A server that can't be reached is told, not refused. */
  async check(context, _olds, news) {
    const server = serverOf(news);
    if (server === undefined) return { additions: {}, refusals: [] };
    try {
      const { failures, warnings, facts } = await preflight(server, news.needs as HostNeeds);
      for (const warning of warnings) context.warn(warning);
      const state = failures.length === 0 ? await stateOrWarning(context, server) : undefined;
      const foreign = state === undefined ? [] : instanceRefusals({}, news, state);
      const missing = installable(facts);
      if (state === undefined && failures.length === 0) missing.push("the updater");
      return {
        additions: {
          system: facts.machine,
          docker: facts.docker ?? "to be installed",
          updater: (await updaterBundle()).sha256,
          ...(missing.length === 0 ? {} : { toInstall: missing.join(", ") }),
        },
        refusals: failures.length === 0 ? foreign : [listOf(server, failures)],
      };
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      context.warn(
        `${error.message}. This preview can't show the server's state, and pulumi up would fail here.`,
      );
      return { additions: { unreachable: error.message }, refusals: [] };
    }
  },

  diff(olds, news) {
    return (
      news.unreachable !== undefined ||
      news.toInstall !== undefined ||
      olds.updater !== news.updater
    );
  },

  async create(context, inputs) {
    return { id: knownServerOf(inputs).target, outputs: await prepare(context, inputs) };
  },

  async update(context, _olds, news) {
    return prepare(context, news);
  },

  async read(_context, outputs) {
    return outputs;
  },

  /** The updater stays: it is what a later deployment, a restore or an operator needs. */
  async delete() {},
};

async function stateOrWarning(
  context: ResourceContext,
  server: RemoteServer,
): Promise<ServerState | undefined> {
  try {
    return await server.state();
  } catch (error) {
    if (!(error instanceof UpdaterGoneError)) throw error;
    context.warn(error.message);
    return undefined;
  }
}

async function prepare(context: ResourceContext, inputs: Wire): Promise<Wire> {
  const server = knownServerOf(inputs);
  const { failures } = await preflight(server, {
    ...(inputs.needs as HostNeeds),
    // By now it was installed, or there is no one left to do it.
    prepareServer: false,
  });
  if (failures.length > 0) throw new UserError(listOf(server, failures));
  await server.install((text) => context.tell(text));
  const { unreachable: _, toInstall: _installed, ...outputs } = inputs;
  return outputs;
}

/** What the server lacks, and what the operator should know of it. */
export async function preflight(server: RemoteServer, needs: HostNeeds) {
  const [facts, userReachesDocker] = await Promise.all([
    server.facts(),
    server.userReachesDocker(),
  ]);
  const failures = hostFailures(facts, needs);
  if (facts.docker !== undefined && facts.docker !== "silent" && !userReachesDocker)
    failures.push(
      "The SSH user can't use Docker without sudo, which the volumes need. Add it to the group " +
        "docker (that equals root), or log in as root.",
    );
  return { facts, failures, warnings: hostWarnings(facts, needs) };
}

function listOf(server: RemoteServer, failures: string[]): string {
  return (
    `${server.target} can't run Chatalot yet:\n` +
    failures.map((failure) => `  - ${failure}`).join("\n") +
    "\nNothing was changed."
  );
}
