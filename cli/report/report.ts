/** What a report tells: the plan of the preview, and what stands around it. */
import { UserError } from "../../common/errors.ts";
import type { Plan } from "../../provider/plan/plan.ts";
import { programsOf } from "../../provider/hooks.ts";
import { leavingNames } from "../../provider/leaving.ts";
import { mirrorOf, releaseFacts } from "../../provider/release-facts.ts";
import { rollbackInForce } from "../../provider/rollback-in-force.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { releaseText } from "../../updater/texts.ts";
import { findingsOf } from "../findings.ts";
import { inputsOfStack } from "../inputs.ts";
import { availableUpdates, isAhead } from "../updates/list.ts";

/** A release on the way from the one that serves to the one that is planned. */
export interface Station {
  name: string;
  commit: string;
  /** The day of its commit, where it is known. */
  date?: string;
  migrations?: number;
}

export interface Report {
  /** The public address, else the server. */
  title: string;
  server: string;
  madeAt: Date;
  plan: Plan;
  /** From what serves to what is planned, both included. */
  stations: Station[];
  /** Why the preview refuses it as things are. */
  refusals: string[];
  warnings: string[];
  /** What can't be gone back to afterwards. */
  leaving: string[];
  /** The operator's own programs that run around it, by machine. */
  programs: string[];
  /** The newest backup before it. */
  backup?: { takenAt: string; provenAt?: string };
  /** The limits of the gate, as they are set. */
  gate: { timeout: string; migrationTimeout: string; mustStayGoodFor: string };
}

/**
 * Reads the server and the repository, as a preview does; nothing is changed.
 *
 * @param wanted a tag or a commit; undefined: the release of the stack's configuration
 * @returns undefined where that one serves already
 * @throws UserError where nothing serves yet, or the release can't be read or planned
 */
export async function readReport(
  stack: string | undefined,
  wanted: string | undefined,
  now: Date,
): Promise<Report | undefined> {
  const stackInputs = await inputsOfStack(stack, wanted);
  const { settings, place, reference, set } = stackInputs;
  const remote = RemoteServer.at(place);
  const state = await remote.state();
  if (state.serving?.release === undefined)
    throw new UserError(
      `There is nothing to report on: no release serves on ${remote.target} yet. Deploy one: pulumi up`,
    );
  const known = { remote, state };
  const rollback = rollbackInForce({ rollback: settings.rollback }, state);
  const found = await releaseFacts(settings.repository, reference, known, {
    ...{ set, rollback, profiles: settings.profiles },
  });
  const { plan, identity } = found;
  if (identity.commit === state.serving.release.commit) return undefined;
  if (plan === undefined)
    throw new UserError(
      `There is no report on ${releaseText(identity)}: it can't be planned, because ` +
        `${found.unread?.cause ?? "nothing is known of it"}. What the server knows: pulumi preview`,
    );
  const { refusals, warnings } = await findingsOf(stackInputs, found);
  const keep = {
    releases: settings.keepReleases,
    backups: settings.keepBackups,
    revertPoints: settings.keepRevertPoints,
  };
  const newest = state.backups?.newest;
  const { timeout, migrationTimeout, mustStayGoodFor } = settings.health;
  return {
    title: settings.url ?? remote.target,
    server: remote.target,
    madeAt: now,
    plan,
    stations: await stationsOf(settings.repository, plan, state),
    ...{ refusals, warnings },
    leaving: leavingNames(identity, state, keep),
    programs: programsOf(settings.hooks, state),
    ...(newest === undefined
      ? {}
      : {
          backup: {
            takenAt: newest.takenAt,
            ...(newest.provenAt === undefined ? {} : { provenAt: newest.provenAt }),
          },
        }),
    gate: { timeout, migrationTimeout, mustStayGoodFor },
  };
}

/** The tags that lie between; where the repository can't say, only the two ends. */
async function stationsOf(repository: string, plan: Plan, state: ServerState): Promise<Station[]> {
  const { from, to, behind } = plan;
  const newer =
    behind > 0
      ? []
      : (await availableUpdates(await mirrorOf(repository), state).catch(() => [])).filter(isAhead);
  const before = newer.findIndex(({ commit }) => commit === to.commit);
  // The newest first; a commit without a tag lies after all that are known.
  const between = newer
    .slice(before + 1)
    .filter(
      ({ isPreview, commits }) => !isPreview && commits !== undefined && commits < plan.ahead,
    );
  const target = newer[before];
  return [
    { name: from.name, commit: from.commit },
    ...between.toReversed().map(({ tag, commit, date, migrations }) => ({
      ...{ name: tag, commit, date },
      migrations: migrations.length,
    })),
    {
      ...{ name: to.name, commit: to.commit },
      ...(target === undefined ? {} : { date: target.date }),
      ...(plan.database === undefined ? {} : { migrations: plan.database.pending.length }),
    },
  ];
}
