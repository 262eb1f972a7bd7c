/**
 * What a preview has to know of a release: from its repository or, where that can't be read, from the
 * server, if the release is there already. So going back needs no repository.
 */
import { messageOf, UserError } from "../common/errors.ts";
import { compareCompose, majorRefusals } from "../release/compose-compare.ts";
import { composeFacts } from "../release/compose-facts.ts";
import { type Mirror, openMirror, UnreadableRepositoryError } from "../release/mirror.ts";
import { parseReference, type ReleaseReference } from "../release/reference.ts";
import { describeRelease, type Release } from "../release/release.ts";
import { isKnownLocally } from "../release/resolve.ts";
import type { DatabaseRollback } from "../settings/parse.ts";
import type { WayBack } from "../updater/history-protocol.ts";
import type { NamedCommit, ReleaseIdentity, ServerState } from "../updater/protocol.ts";
import { presentMajor } from "./database-upgrade.ts";
import { servedLast } from "./place.ts";
import { makePlan, type Plan } from "./plan/plan.ts";
import { type PlannedReplacement, plannedReplacement } from "./plan/replacement.ts";
import { type UnreadPlan, unreadPlan } from "./plan/unread.ts";
import type { RemoteServer } from "./server/remote-server.ts";
import { historyIfInstalled } from "./server/server-history.ts";

export interface ReleaseFacts {
  identity: ReleaseIdentity;
  /** What the operator should know, although the release can be used. */
  warnings: string[];
  /** Why it can't take over the database of what serves, or did last. */
  refusals: string[];
  /** Variables without which Compose refuses its file. */
  requires: string[];
  /** Its images that can be given a digest, by service; absent where the repository was not read for it. */
  sideImages?: Record<string, string>;
  /** What the update will do; absent where nothing changes, or the repository was not read for it. */
  plan?: Plan;
  /** What is known of the update instead, where the repository was not read for it. */
  unread?: UnreadPlan;
}

/** In milliseconds: how long it may take to find out that a repository is out of reach that could be done without. */
const ANSWER_TIME_LIMIT = 30_000;

/** A server whose state was read. */
export interface KnownServer {
  remote: RemoteServer;
  state: ServerState;
}

/** What is known of the settings; absent members are not known. */
export interface KnownSettings {
  /** The names of the variables that are set. */
  set?: ReadonlySet<string> | undefined;
  profiles?: readonly string[] | undefined;
  /** What the database becomes, where that is meant for what serves. */
  rollback?: DatabaseRollback | undefined;
}

/**
 * @param reference the setting `release`
 * @param server undefined where the server can't be asked: then the repository has to know everything
 * @throws UserError where there is no such release, its tag was moved, or it isn't Chatalot's
 */
export async function releaseFacts(
  repository: string,
  reference: string,
  server: KnownServer | undefined,
  { set, profiles, rollback }: KnownSettings = {},
): Promise<ReleaseFacts> {
  const mirror = await mirrorOf(repository);
  const wanted = parseReference(reference);
  const pinned = await pinnedOnServer(mirror, wanted, server);
  const { commit: lastCommit } = (server && servedLast(server.state)?.release) ?? {};
  // Nothing is to be planned then: a machine that is new reads no whole repository for it.
  if (pinned?.prepared !== undefined && pinned.prepared.commit === lastCommit)
    return factsOnServer(reference, pinned.prepared, pinned);
  let described: Release;
  try {
    described =
      pinned === undefined
        ? await describeRelease(mirror, reference)
        : await describePinned(mirror, reference, pinned.release.commit);
  } catch (error) {
    const isEnough = pinned === undefined ? UnreadableRepositoryError : UserError;
    if (!(error instanceof isEnough)) throw error;
    const found =
      pinned ??
      (await releaseOnServer(
        server,
        wanted,
        ({ commit }) => wanted.commit === undefined || commit.startsWith(wanted.commit),
      ));
    if (server === undefined || found?.prepared === undefined) throw error;
    const known = `${found.release.name} is on the server, as commit ${found.release.commit}; that was used.`;
    // Of a commit that is given in full nothing is in doubt.
    const warnings = pinned === undefined ? [`${error.message} ${known}`] : [];
    const unread = unreadPlan(
      { ...found.prepared, name: reference },
      {
        state: server.state,
        way: found,
        replacement: await replacementBy(rollback, found.release, server),
      },
      unreadCause(error),
    );
    return {
      ...factsOnServer(reference, found.prepared, found, warnings),
      ...(unread === undefined ? {} : { unread }),
    };
  }
  const { requiredVariables, sideImages } = composeFacts(described.composeFile);
  const requires = requiredVariables.map(({ name }) => name);
  const facts = { identity: described, warnings: described.warnings, requires, sideImages };
  const last = server === undefined ? undefined : servedLast(server.state);
  const running = last?.release;
  if (server === undefined || running === undefined || running.commit === described.commit)
    return { ...facts, refusals: [] };
  const { remote, state } = server;
  const way = await wayOnServer(mirror, described, running, server);
  const current = way === undefined ? await describedIfThere(mirror, running.commit) : undefined;
  const compose =
    current === undefined
      ? undefined
      : compareCompose(current.composeFile, described.composeFile, {
          ...{ placed: last?.serving?.postgres?.major, profiles },
        });
  const known = {
    ...{ state, facts: await remote.facts() },
    ...(set === undefined ? {} : { set }),
    replacement: await replacementBy(rollback, described, server),
  };
  const plan = await makePlan(mirror, current, described, compose, known);
  return {
    ...facts,
    refusals:
      way === undefined
        ? takeoverRefusals(
            compose?.refusals ?? refusalsWithout(described, state),
            described,
            running,
          )
        : factsOnServer(described.name, described, way).refusals,
    ...(plan === undefined ? {} : { plan }),
  };
}

/** The release where its commit is given in full, this machine doesn't know it, and the server has it. */
async function pinnedOnServer(
  mirror: Mirror,
  wanted: ReleaseReference,
  server: KnownServer | undefined,
): Promise<WayBack | undefined> {
  if (wanted.commit?.length !== 40 || (await isKnownLocally(mirror, wanted.name))) return undefined;
  return releaseOnServer(server, wanted, ({ commit }) => commit === wanted.commit);
}

/** The tag may be another commit by now, or gone: the server has had it as this one. */
async function describePinned(mirror: Mirror, name: string, commit: string): Promise<Release> {
  const asked = { ...mirror, answerTimeLimit: ANSWER_TIME_LIMIT };
  try {
    return await describeRelease(asked, name);
  } catch (error) {
    if (!(error instanceof UserError) || error instanceof UnreadableRepositoryError) throw error;
    const release = await describeRelease(asked, commit);
    const moved = `In ${mirror.repository.url} the tag of ${name} is not that commit any more; it stays what it is on the server.`;
    return { ...release, name, warnings: [...release.warnings, moved] };
  }
}

async function replacementBy(
  rollback: DatabaseRollback | undefined,
  { commit }: NamedCommit,
  { remote }: KnownServer,
): Promise<PlannedReplacement | undefined> {
  return rollback && plannedReplacement(rollback, commit, remote);
}

function unreadCause(error: UserError): string {
  if (!(error instanceof UnreadableRepositoryError))
    return "the repository does not have it as it is on the server";
  return `the repository could not be read: ${error.cause === undefined ? error.message : messageOf(error.cause)}`;
}

/** A commit that this repository doesn't have any more can't be compared with. */
export async function describedIfThere(
  mirror: Mirror,
  commit: string,
): Promise<Release | undefined> {
  try {
    return await describeRelease(mirror, commit);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const mirrors = new Map<string, Promise<Mirror>>();

/** One mirror for each repository and process. */
export function mirrorOf(repository: string): Promise<Mirror> {
  const mirror = mirrors.get(repository) ?? openMirror(repository);
  mirrors.set(repository, mirror);
  return mirror;
}

/**
 * The one release of this tag (where the reference has one) whose tree and image are on the server.
 * Two commits under one tag are a moved tag, which only the repository can tell about.
 */
async function releaseOnServer(
  server: KnownServer | undefined,
  wanted: ReleaseReference,
  isMeant: (release: WayBack["release"]) => boolean,
): Promise<WayBack | undefined> {
  if (server === undefined || server.state.prepared.length === 0) return undefined;
  if (wanted.commit?.length === 40 && !server.state.prepared.includes(wanted.commit))
    return undefined;
  const history = await historyIfInstalled(server.remote);
  const found = (history?.waysBack ?? []).filter(
    ({ release, prepared }) =>
      prepared !== undefined &&
      isMeant(release) &&
      (wanted.tag === undefined || parseReference(release.name).tag === wanted.tag),
  );
  return found.length === 1 ? found[0] : undefined;
}

function factsOnServer(
  name: string,
  identity: ReleaseIdentity,
  { obstacle }: WayBack,
  warnings: string[] = [],
): ReleaseFacts {
  const refusals = obstacle === undefined ? [] : [refusal(name, "what serves", [obstacle])];
  return { identity: { ...identity, name }, warnings, refusals, requires: [] };
}

/** What the server says of going to this release, where the mirror doesn't have the one that serves or did last. */
async function wayOnServer(
  mirror: Mirror,
  next: Release,
  running: ReleaseIdentity,
  { remote, state }: KnownServer,
): Promise<WayBack | undefined> {
  if (!state.prepared.includes(next.commit) || (await isKnownLocally(mirror, running.commit)))
    return undefined;
  const history = await historyIfInstalled(remote);
  return history?.waysBack.find(({ release: { commit } }) => commit === next.commit);
}

/**
 * Why the database that serves can't be taken over: its data would be out of reach, and the new
 * server would find an empty database or none.
 */
function takeoverRefusals(
  refusals: readonly string[],
  next: Release,
  running: ReleaseIdentity,
): string[] {
  return refusals.length === 0 ? [] : [refusal(next.name, running.name, refusals)];
}

/** What can be said without the compose file of what serves, or did last: by the version of its database. */
function refusalsWithout({ composeFile }: Release, state: ServerState): string[] {
  const present = presentMajor(state);
  if (present === undefined) return [];
  return majorRefusals(composeFile, present, servedLast(state)?.serving?.postgres !== undefined);
}

function refusal(next: string, running: string, causes: readonly string[]): string {
  return (
    `${next} can't take over the database of ${running}: ${causes.join("; ")}. Choose a ` +
    "release with the same database; moving the data to another one needs a dump and a restore."
  );
}
