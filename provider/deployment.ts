/** chatalot:Deployment: a prepared release serves, with a configuration, proven healthy. */
import type { HookSettings } from "../settings/parse.ts";
import {
  type Configuration,
  type GateLimits,
  type InstanceSecrets,
  PROTOCOL,
  type ServerState,
  type SubmitAnswer,
  type SwitchRequest,
} from "../updater/protocol.ts";
import { asksForChange, tellFirst, tellNothingToDo, tellSettings } from "./change.ts";
import { hasUnknown, secret, type Wire } from "./codec.ts";
import { tellUpgrade, upgradeRefusals, upgradeRoomRefusals } from "./database-upgrade.ts";
import { startRefusals, restoredBackup, rollbackOf } from "./database-refusals.ts";
import { guardText, isGuarded, listenOf, openingOf } from "./owner-guard.ts";
import { foresight } from "./foreseen.ts";
import {
  broughtAddition,
  hasUnseenSettings,
  refuseToTakeBack,
  tellOtherSettings,
  tellUnseenSettings,
  unknownServing,
} from "./other-operators.ts";
import {
  followToVerdict,
  instanceAddition,
  instanceRefusals,
  knownServerOf,
  readOrKeep,
  refuseOtherInstance,
  requester,
  stateIfReachable,
  submit,
  UnfollowedError,
} from "./place.ts";
import { hookRefusals, tellHooks, withHooks } from "./hooks.ts";
import { leavingAddition } from "./leaving.ts";
import { missingSettings } from "./missing-settings.ts";
import { identityOf } from "./release.ts";
import { refuseAnswer } from "./server/answers.ts";
import { removeOn } from "./server/server-move.ts";
import { type Resource, type ResourceContext, UnfinishedError } from "./resource.ts";
import { sideImageRefusals, tellSideImages } from "./side-images.ts";
import { triedRefusals } from "./tried-before.ts";
import type { RemoteServer, ServerPlace } from "./server/remote-server.ts";

/** What is said of a removal that is no longer followed: pulumi up would deploy again. */
const REMOVAL = { what: "removal", look: "Follow it: pulumi destroy --exclude-protected." };

export const deployment: Resource = {
  async check(context, olds, news) {
    const state = await stateIfReachable(news);
    if (state === undefined) return { additions: instanceAddition(olds, state), refusals: [] };
    const refusals = instanceRefusals(olds, news, state);
    if (refusals.length === 0 && !hasUnknown(news.commit) && !hasUnknown(news.migrations)) {
      refusals.push(...(await startRefusals(context, news, state)));
      refusals.push(
        ...unknownServing(olds, news, state),
        ...missingSettings(news),
        ...sideImageRefusals(news, state),
        ...upgradeRefusals(news, state),
        ...overrideRefusals(context, state),
        ...(await hookRefusals(hooksOf(news), state)),
      );
      const foresee = foresight(news, state, requestOf);
      const foresees = refusals.length === 0 ? foresee : undefined;
      refusals.push(...(await triedRefusals(olds, news, state, foresees)));
      tellSettings(context, olds, news, state);
      if (refusals.length === 0) {
        await tellOtherSettings(context, olds, news, state, foresee);
        await tellSideImages(context, olds, news, state);
        await tellUpgrade(context, news, state);
        refusals.push(...(await upgradeRoomRefusals(context, news, state)));
      }
    }
    const wanted = news.configuration as Omit<Configuration, "secretEnv">;
    const listen = listenOf(wanted, state);
    const restored = restoredBackup(news, state);
    const isKnown = ![news.release, news.commit].some(hasUnknown);
    if (refusals.length === 0 && isKnown && restored === undefined) tellFirst(context, news, state);
    // Whether there is an account is for the server to say, which has the backup.
    const isNew = state.lastServing === undefined && restored !== undefined;
    if (refusals.length === 0 && !isNew && isGuarded(wanted, listen))
      context.warn(guardText(wanted, listen, (news.place as ServerPlace).server));
    const opening = openingOf(wanted, state);
    const drift = driftOf(olds, state);
    if (drift.length > 0)
      context.tell(`The server differs from what was deployed:\n  - ${drift.join("\n  - ")}`);
    const found = {
      ...(drift.length === 0 ? {} : { drift: drift.join("; ") }),
      ...(opening === undefined ? {} : { opening }),
      ...(restored === undefined ? {} : { restored }),
    };
    const changesServing =
      state.serving !== undefined && asksForChange(olds, { ...news, ...found });
    if (refusals.length === 0 && changesServing) tellHooks(context, hooksOf(news), state);
    const brought = broughtAddition(news, state);
    return {
      additions: {
        ...instanceAddition(olds, state),
        ...brought,
        ...(refusals.length > 0 || hasUnknown(news.commit) || hasUnknown(news.migrations)
          ? {}
          : leavingAddition(context, news, state)),
        ...found,
      },
      refusals,
      announce: (outputs) => {
        if (hasUnseenSettings(outputs, { ...news, ...brought })) {
          tellUnseenSettings(context, outputs, brought);
          if (!changesServing) tellHooks(context, hooksOf(news), state);
        } else if (Object.keys(found).length === 0) tellNothingToDo(context, outputs, news, state);
      },
    };
  },

  diff(olds, news) {
    refuseOtherInstance(olds, news);
    refuseToTakeBack(olds, news);
    return asksForChange(olds, news);
  },

  async create(context, inputs) {
    const id = (inputs.place as ServerPlace).project;
    return { id, outputs: await switchTo(context, {}, inputs, id) };
  },

  async update(context, olds, news) {
    return switchTo(context, olds, news);
  },

  async read(context, outputs) {
    return readOrKeep(context, outputs, (server) => actual(server, outputs));
  },

  /** The containers go; volumes, releases and the ledger stay. */
  async delete(context, outputs) {
    const server = knownServerOf(outputs);
    const instanceId = outputs.instanceId as string | undefined;
    const answer = await removeOn(context, server, instanceId, REMOVAL);
    refuseAnswer(answer);
    if (answer.answer === "unchanged") return;
    const verdict = await followToVerdict(context, server, answer.sequence, REMOVAL);
    context.tell(verdict.text);
  },
};

async function switchTo(
  context: ResourceContext,
  olds: Wire,
  inputs: Wire,
  createdId?: string,
): Promise<Wire> {
  const server = knownServerOf(inputs);
  const instanceId = olds.instanceId ?? inputs.instanceId;
  const request = await requestOf(instanceId === undefined ? inputs : { ...inputs, instanceId });
  return withHooks(context, hooksOf(inputs), {
    server,
    request,
    make: () => submitAndFollow(context, inputs, request, createdId),
  });
}

async function submitAndFollow(
  context: ResourceContext,
  inputs: Wire,
  request: SwitchRequest,
  createdId: string | undefined,
): Promise<Wire> {
  const server = knownServerOf(inputs);
  const answer = await submit(context, server, request);
  refuseAnswer(answer);
  const outputs = outputsOf(inputs, answer);
  const tellOfGuard = (): void => {
    const wanted = request.configuration;
    const { listen } = answer;
    if (listen !== undefined && isGuarded(wanted, listen))
      context.tell(guardText(wanted, listen, (inputs.place as ServerPlace).server));
  };
  if (answer.answer === "unchanged") {
    context.tell("the server already is as asked, and healthy; nothing was restarted");
    tellOfGuard();
    const { serving } = answer;
    return { ...outputs, ...(serving === undefined ? {} : resultOf(serving)) };
  }
  if (answer.answer === "attached")
    context.tell(`following job ${answer.sequence}, which is under way`);
  try {
    const verdict = await followToVerdict(context, server, answer.sequence);
    context.tell(verdict.text);
    tellOfGuard();
    return { ...outputs, ...resultOf(verdict) };
  } catch (error) {
    if (!(error instanceof UnfollowedError) || createdId === undefined) throw error;
    throw new UnfinishedError(error.message, createdId, {
      place: outputs.place,
      instanceId: answer.instanceId,
    });
  }
}

async function requestOf(inputs: Wire): Promise<SwitchRequest> {
  const place = inputs.place as ServerPlace;
  const configuration = inputs.configuration as Omit<Configuration, "secretEnv">;
  const hooks = hooksOf(inputs);
  return {
    protocol: PROTOCOL,
    kind: "switch",
    directory: place.directory,
    project: place.project,
    volumes: place.volumes,
    requestedBy: requester(),
    ...(inputs.instanceId === undefined ? {} : { instanceId: inputs.instanceId as string }),
    release: identityOf(inputs),
    configuration: { ...configuration, secretEnv: inputs.secretEnv as Record<string, string> },
    secrets: inputs.secrets as InstanceSecrets,
    gate: inputs.gate as GateLimits,
    ...(inputs.retry === undefined ? {} : { retry: inputs.retry as number }),
    ...(inputs.rollback === undefined ? {} : { database: await rollbackOf(inputs) }),
    keepReleases: inputs.keepReleases as number,
    keepRevertPoints: inputs.keepRevertPoints as number,
    keepBackups: inputs.keepBackups as number,
    ...(hooks === undefined ? {} : { hookTimeLimit: hooks.timeLimit }),
  };
}

/** Absent in stacks of an earlier version. */
function hooksOf({ hooks }: Wire): HookSettings | undefined {
  return hooks as HookSettings | undefined;
}

/**
 * What says why this run came about, and is not true of the next. The proposed secrets are among it: the
 * server's stand, so there is nothing to compare.
 */
const OF_THIS_RUN = new Set([
  ...["secrets", "drift", "opening", "brought", "rollback", "restored", "leavesReach"],
]);

function outputsOf(
  inputs: Wire,
  { instanceId, listen }: Exclude<SubmitAnswer, { answer: "refused" }>,
): Wire {
  return {
    ...Object.fromEntries(Object.entries(inputs).filter(([name]) => !OF_THIS_RUN.has(name))),
    secretEnv: secret(inputs.secretEnv),
    instanceId,
    ...(listen === undefined ? {} : { listen }),
  };
}

function resultOf(result: {
  sequence: number;
  durations: { downtime?: number; total: number };
}): Wire {
  const { downtime, total } = result.durations;
  return {
    sequence: result.sequence,
    totalSeconds: seconds(total),
    ...(downtime === undefined ? {} : { downtimeSeconds: seconds(downtime) }),
  };
}

/** The operator's override is shown in every preview; one that Compose refuses would stop the update. */
function overrideRefusals(context: ResourceContext, { override }: ServerState): string[] {
  if (override === undefined) return [];
  const { name, changes, ignored, problem } = override;
  if (ignored.length > 0)
    context.warn(`Compose reads ${name} and leaves out ${ignored.join(", ")}. Keep one of them.`);
  if (problem === undefined) {
    context.tell(`${name} kept: ${changes}`);
    return [];
  }
  const reason = `${name} on the server can't be used: ${problem}. Nothing was changed. Mend that file.`;
  return [reason];
}

/** What to mend: the server differs from its ledger, or the ledger from what this stack did last. */
function driftOf(olds: Wire, state: ServerState): string[] {
  const { serving } = state;
  if (olds.commit === undefined) return [];
  if (serving?.release === undefined)
    return state.openJob === undefined ? ["nothing is deployed"] : [];
  if (serving.release.commit === olds.commit) return state.drift;
  return [
    ...state.drift,
    `${serving.release.name} serves since ${serving.closedAt}, deployed by ${serving.requestedBy}`,
  ];
}

async function actual(server: RemoteServer, outputs: Wire): Promise<Wire | undefined> {
  const state = await server.state();
  if (state.instanceId !== outputs.instanceId) return outputs;
  const { serving } = state;
  if (serving?.release === undefined) return state.openJob === undefined ? undefined : outputs;
  const { commit } = serving.release;
  // The settings of the same release can't be read, so this stack has not seen a job that brought others.
  const isKnown = commit === outputs.commit && outputs.sequence !== undefined;
  const { sequence } = isKnown ? outputs : serving;
  return { ...outputs, commit, ...resultOf(serving), sequence };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
