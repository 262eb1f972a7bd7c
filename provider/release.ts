/** chatalot:Release: a commit's tree and image are on the server. What serves is not touched. */
import { UserError } from "../common/errors.ts";
import { describeBytes } from "../common/size.ts";
import { type TreeArchive, withArchive } from "../release/archive.ts";
import type { ImageSettings } from "../settings/parse.ts";
import {
  PROTOCOL,
  type PrepareRequest,
  type ReleaseIdentity,
  type ServerState,
} from "../updater/protocol.ts";
import { releaseText } from "../updater/texts.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { buildPlace, imageAttempts } from "./images.ts";
import { buildHereAndSend, platformOf, problemOfLocalDocker } from "./local-build.ts";
import {
  followWithProgress,
  followToVerdict,
  instanceAddition,
  instanceRefusals,
  knownServerOf,
  refuseOtherInstance,
  requester,
  stateIfReachable,
  submit,
} from "./place.ts";
import { setVariables } from "./missing-settings.ts";
import { movedTagRefusals } from "./moved-tag.ts";
import { breakingRefusals } from "./plan/breaking.ts";
import type { Plan } from "./plan/plan.ts";
import { planInputs, renderPlan } from "./plan/render.ts";
import { renderUnread } from "./plan/unread.ts";
import { mirrorOf, type ReleaseFacts, releaseFacts } from "./release-facts.ts";
import { rollbackInForce } from "./rollback-in-force.ts";
import type { Checked, Resource, ResourceContext } from "./resource.ts";
import { roomRefusals } from "./room.ts";
import { refuseAnswer } from "./server/answers.ts";
import type { RemoteServer, ServerPlace } from "./server/remote-server.ts";
import { sendArchive } from "./server/server-transfers.ts";

/** Checksums of migrations by file name: short in a diff, and complete. */
export type MigrationChecksums = Record<string, string>;

export const release: Resource = {
  /** Resolves the reference to a commit, once; everything later compares with that commit. */
  check: (context, olds, news) => checkRelease(context, olds, news),

  diff(olds, news) {
    refuseOtherInstance(olds, news);
    return olds.commit !== news.commit || news.drift !== undefined;
  },

  async create(context, inputs) {
    const { project } = inputs.place as ServerPlace;
    return { id: project, outputs: await prepare(context, {}, inputs) };
  },

  // Another commit is an update in place: a replacement would delete the release that serves.
  async update(context, olds, news) {
    return prepare(context, olds, news);
  },

  async read(_context, outputs) {
    return outputs;
  },

  /** Removes nothing: only the retention of a later update does. */
  async delete() {},
};

/** @param known what was read of the release already, by the same inputs; undefined: it is read */
export async function checkRelease(
  context: ResourceContext,
  olds: Wire,
  news: Wire,
  known?: ReleaseFacts,
): Promise<Checked> {
  const state = await stateIfReachable(news);
  const refusals = state === undefined ? [] : instanceRefusals(olds, news, state);
  const server = state === undefined ? undefined : { state, remote: knownServerOf(news) };
  const facts =
    known ??
    (await releaseFacts(
      news.repository as string,
      news.release as string,
      refusals.length === 0 ? server : undefined,
      {
        ...{ set: variablesOf(news), profiles: profilesOf(news) },
        rollback: state && rollbackInForce(news, state),
      },
    ));
  for (const warning of facts.warnings) context.warn(warning);
  const { commit } = facts.identity;
  const { plan, unread } = facts;
  const moved = movedTagRefusals(olds, { name: news.release as string, commit }, state);
  if (plan !== undefined && moved.length === 0) context.tell(renderPlan(plan));
  if (unread !== undefined && moved.length === 0) context.tell(renderUnread(unread));
  const gone = state !== undefined && olds.commit === commit && !state.prepared.includes(commit);
  refusals.push(...moved);
  if (state !== undefined && refusals.length === 0)
    refusals.push(
      ...facts.refusals,
      ...breakingRefusals(plan, news.breakingChangesReadUpTo),
      ...(await localRefusals(news, commit, state)),
      ...(await planRefusals(context, news, plan, state)),
    );
  return {
    additions: {
      ...identityInputs(facts.identity),
      ...instanceAddition(olds, state),
      requires: facts.requires,
      ...(facts.sideImages === undefined ? {} : { sideImages: facts.sideImages }),
      ...(plan === undefined ? {} : { plan: planInputs(plan) }),
      ...(gone ? { drift: "its tree or image is not on the server any more" } : {}),
    },
    refusals,
  };
}

/** Names alone: values may be secret, and need not be known. */
function variablesOf({ variables }: Wire): Set<string> | undefined {
  return Array.isArray(variables) && !hasUnknown(variables)
    ? setVariables(variables as string[], (variables as string[]).includes("PUBLIC_URL"))
    : undefined;
}

/** Absent in what an earlier version of this program declared. */
function profilesOf({ profiles }: Wire): string[] | undefined {
  return Array.isArray(profiles) && !hasUnknown(profiles) ? (profiles as string[]) : undefined;
}

/** The release as the updater takes it, from a resource's inputs. */
export function identityOf(values: Wire): ReleaseIdentity {
  return {
    name: values.release as string,
    commit: values.commit as string,
    ...(values.crateVersion === undefined ? {} : { crateVersion: values.crateVersion as string }),
    ...(values.webVersion === undefined ? {} : { webVersion: values.webVersion as string }),
    // Sorted: the members of an object arrive in any order, and the same release must stay the same.
    migrations: Object.entries(values.migrations as MigrationChecksums)
      .map(([file, checksum]) => {
        const [, version = "", name = ""] = /^(\d+)_(.*?)(?:\.up)?\.sql$/.exec(file) ?? [];
        return { file, checksum, version: Number(version), description: name.replaceAll("_", " ") };
      })
      .sort((a, b) => a.version - b.version),
  };
}

function identityInputs(identity: ReleaseIdentity): Wire {
  const { commit, crateVersion, webVersion, migrations } = identity;
  const checksums: MigrationChecksums = {};
  for (const { file, checksum } of migrations) checksums[file] = checksum;
  return {
    commit,
    migrations: checksums,
    ...(crateVersion === undefined ? {} : { crateVersion }),
    ...(webVersion === undefined ? {} : { webVersion }),
  };
}

async function prepare(context: ResourceContext, olds: Wire, inputs: Wire): Promise<Wire> {
  const server = knownServerOf(inputs);
  const identity = identityOf(inputs);
  const state = await server.state();
  // Before the first byte is sent: this may be somebody else's server.
  const [refusal] = instanceRefusals(olds, inputs, state);
  if (refusal !== undefined) throw new UserError(refusal);

  const { drift: _, plan: _plan, rollback: _rollback, ...kept } = inputs;
  const outputs = { ...kept, ...instanceAddition({}, state) };
  if (state.prepared.includes(identity.commit)) return outputs;

  const mirror = await mirrorOf(inputs.repository as string);
  return withArchive(mirror, identity.commit, (archive) =>
    prepareFrom(context, server, inputs, state, archive, outputs),
  );
}

/** Sends the tree, then tries the ways to get the images one after the other. */
async function prepareFrom(
  context: ResourceContext,
  server: RemoteServer,
  inputs: Wire,
  state: ServerState,
  archive: TreeArchive,
  outputs: Wire,
): Promise<Wire> {
  const place = inputs.place as ServerPlace;
  const identity = identityOf(inputs);
  context.tell(`sending the tree of ${identity.name} (${describeBytes(archive.size)})`);
  await sendArchive(server, archive);
  const request: PrepareRequest = {
    protocol: PROTOCOL,
    kind: "prepare",
    directory: place.directory,
    project: place.project,
    volumes: place.volumes,
    requestedBy: requester(),
    ...(state.instanceId === undefined ? {} : { instanceId: state.instanceId }),
    release: identity,
    archive: { sha256: archive.sha256, size: archive.size },
  };
  const attempts = imageAttempts(settingsOf(inputs), inputs.repository as string, identity);
  for (const [index, { order, sendFirst }] of attempts.entries()) {
    if (sendFirst)
      await buildHereAndSend(server, {
        project: place.project,
        release: identity,
        archive: archive.path,
        tell: (text) => context.tell(text),
        onLine: (line) => context.status(line),
        signal: context.signal,
      });
    const answer = await submit(context, server, { ...request, images: order });
    refuseAnswer(answer);
    if (answer.answer === "unchanged") return { ...outputs, instanceId: answer.instanceId };
    const isLast = index === attempts.length - 1;
    const verdict = isLast
      ? await followToVerdict(context, server, answer.sequence)
      : await followWithProgress(context, server, answer.sequence);
    context.tell(verdict.text);
    if (verdict.outcome !== "done") continue;
    return {
      ...outputs,
      instanceId: answer.instanceId,
      ...(verdict.durations.build === undefined
        ? {}
        : { buildSeconds: Math.round(verdict.durations.build / 1_000) }),
    };
  }
  throw new Error("a release needs at least one way to get its images");
}

/** A stack of an earlier version has no such setting: it built on the server. */
function settingsOf(inputs: Wire): ImageSettings {
  return (inputs.images as ImageSettings | undefined) ?? { image: "build", buildOn: "server" };
}

/** Why the server has no room for what is planned. */
async function planRefusals(
  context: ResourceContext,
  news: Wire,
  plan: Plan | undefined,
  state: ServerState,
): Promise<string[]> {
  if (plan === undefined) return [];
  const { disk, database, to } = plan;
  return roomRefusals(context, news, state, {
    ...{ what: releaseText(to), needed: disk.needed, free: disk.free },
    ...{ changes: database?.pending.length ?? 0, isUpgrade: false },
  });
}

/** Why this machine can't do what `buildOn: here` asks of it. */
async function localRefusals(inputs: Wire, commit: string, state: ServerState): Promise<string[]> {
  if (buildPlace(settingsOf(inputs)) !== "here" || state.prepared.includes(commit)) return [];
  const { machine } = await knownServerOf(inputs).facts();
  const problem = await problemOfLocalDocker(platformOf(machine));
  return problem === undefined ? [] : [problem];
}
