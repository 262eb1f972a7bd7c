/** chatalot:Release: a commit's tree and image are on the server. What serves is not touched. */
import { rm } from "node:fs/promises";
import { cachePath } from "../common/cache.ts";
import { UserError } from "../common/errors.ts";
import { archiveTree, type TreeArchive } from "../release/archive.ts";
import { type Mirror, openMirror } from "../release/mirror.ts";
import { compareCompose } from "../release/compose-compare.ts";
import { describeRelease, type Release } from "../release/release.ts";
import type { ImageSettings } from "../settings/parse.ts";
import {
  PROTOCOL,
  type PrepareRequest,
  type ReleaseIdentity,
  type ServerState,
} from "../updater/protocol.ts";
import type { Wire } from "./codec.ts";
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
} from "./place.ts";
import type { Refusal, Resource, ResourceContext } from "./resource.ts";
import type { RemoteServer, ServerPlace } from "./server/remote-server.ts";

/** Checksums of migrations by file name: short in a diff, and complete. */
export type MigrationChecksums = Record<string, string>;

export const release: Resource = {
  /** Resolves the reference to a commit, once; everything later compares with that commit. */
  async check(context, olds, news) {
    const repository = news.repository as string;
    const described = await describe(repository, news.release as string);
    for (const warning of described.warnings) context.warn(warning);
    const state = await stateIfReachable(news);
    const gone =
      state !== undefined &&
      olds.commit === described.commit &&
      !state.prepared.includes(described.commit);
    const refusals = state === undefined ? [] : instanceRefusals(olds, news, state);
    if (state !== undefined && refusals.length === 0)
      refusals.push(
        ...(await databaseRefusals(repository, described, state)),
        ...(await localRefusals(news, described.commit, state)),
      );
    return {
      additions: {
        ...identityInputs(described),
        ...instanceAddition(olds, state),
        ...(gone ? { drift: "its tree or image is not on the server any more" } : {}),
      },
      refusals,
    };
  },

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

function identityInputs(described: Release): Wire {
  const { commit, crateVersion, webVersion, migrations } = described;
  const checksums: MigrationChecksums = {};
  for (const { file, checksum } of migrations) checksums[file] = checksum;
  return {
    commit,
    migrations: checksums,
    ...(crateVersion === undefined ? {} : { crateVersion }),
    ...(webVersion === undefined ? {} : { webVersion }),
  };
}

/**
 * Why the database that serves can't be taken over: its data would be out of reach, and the new
 * server would find an empty database or none.
 */
async function databaseRefusals(
  repository: string,
  next: Release,
  { serving }: ServerState,
): Promise<Refusal[]> {
  const running = serving?.release;
  if (running === undefined || running.commit === next.commit) return [];
  const current = await describe(repository, running.commit).catch((error: unknown) => {
    // A commit that this repository doesn't have any more can't be compared with.
    if (error instanceof UserError) return undefined;
    throw error;
  });
  if (current === undefined) return [];
  const { refusals } = compareCompose(current.composeFile, next.composeFile);
  if (refusals.length === 0) return [];
  return [
    {
      property: "",
      reason:
        `${next.name} can't take over the database of ${running.name}: ${refusals.join("; ")}. Choose a ` +
        "release with the same database; moving the data to another one needs a dump and a restore.",
    },
  ];
}

const mirrors = new Map<string, Promise<Mirror>>();

function mirrorOf(repository: string): Promise<Mirror> {
  const mirror = mirrors.get(repository) ?? openMirror(repository);
  mirrors.set(repository, mirror);
  return mirror;
}

async function describe(repository: string, reference: string): Promise<Release> {
  return describeRelease(await mirrorOf(repository), reference);
}

async function prepare(context: ResourceContext, olds: Wire, inputs: Wire): Promise<Wire> {
  const server = knownServerOf(inputs);
  const identity = identityOf(inputs);
  const state = await server.state();
  // Before the first byte is sent: this may be somebody else's server.
  const [refusal] = instanceRefusals(olds, inputs, state);
  if (refusal !== undefined) throw new UserError(refusal.reason);

  const { drift: _, ...kept } = inputs;
  const outputs = { ...kept, ...instanceAddition({}, state) };
  if (state.prepared.includes(identity.commit)) return outputs;

  const archive = await archiveTree(
    await mirrorOf(inputs.repository as string),
    identity.commit,
    cachePath("archives", `${identity.commit}.tar`),
  );
  try {
    return await prepareFrom(context, server, inputs, state, archive, outputs);
  } finally {
    await rm(archive.path, { force: true });
  }
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
  context.tell(`sending the tree of ${identity.name} (${Math.ceil(archive.size / 1024)} KB)`);
  await server.sendArchive(archive);
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
    const answer = await server.submit({ ...request, images: order }, (text) => context.tell(text));
    if (answer.answer === "refused") throw new UserError(answer.reasons.join("\n"));
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

/** Why this machine can't do what `buildOn: here` asks of it. */
async function localRefusals(inputs: Wire, commit: string, state: ServerState): Promise<Refusal[]> {
  if (buildPlace(settingsOf(inputs)) !== "here" || state.prepared.includes(commit)) return [];
  const { machine } = await knownServerOf(inputs).facts();
  const problem = await problemOfLocalDocker(platformOf(machine));
  return problem === undefined ? [] : [{ property: "", reason: problem }];
}
