/** `chatalot updates`: what there is, and `chatalot update`: pinned, shown, asked for, done. */
import { UserError } from "../common/errors.ts";
import { movedTagRefusals } from "../provider/moved-tag.ts";
import { RemoteServer } from "../provider/server/remote-server.ts";
import { openMirror } from "../release/mirror.ts";
import { resolveReference } from "../release/resolve.ts";
import type { Settings } from "../settings/parse.ts";
import type { ServerState } from "../updater/protocol.ts";
import { releaseText } from "../updater/texts.ts";
import { type ChangeResult, changeStack, takenBackJob } from "./run/change.ts";
import { replaceStackFile, stackFileOf, withRelease } from "./run/stack-file.ts";
import { settingsOfStack } from "./stack.ts";
import { ask, type Ask, canAsk, type CommandContext, requirePerson } from "./terminal.ts";
import {
  type AvailableUpdate,
  availableUpdates,
  newestTakenBack,
  NOTHING_SERVES,
  proposed,
  whyNone,
} from "./updates/list.ts";

/** What `updates` found. */
export interface Updates {
  /** What serves, as people name it; undefined: nothing does. */
  serving?: string;
  /** The newest first. */
  updates: AvailableUpdate[];
  /** As `tag@commit`. */
  pin?: string;
}

/** Reads the repository and the server. Nothing is changed. */
export async function readUpdates(stack: string | undefined): Promise<Updates> {
  const { settings, place } = await settingsOfStack(stack);
  const state = await RemoteServer.at(place).state();
  const updates = await availableUpdates(await openMirror(settings.repository), state);
  const newest = proposed(updates);
  const running = state.serving?.release;
  return {
    updates,
    ...(running === undefined ? {} : { serving: releaseText(running) }),
    ...(newest === undefined ? {} : { pin: `${newest.tag}@${newest.commit}` }),
  };
}

/** Writes the release into the stack file, where the next `pulumi preview` and `pulumi up` find it. */
export async function pinRelease(stack: string | undefined, release: string): Promise<string> {
  const file = await stackFileOf(stack);
  await replaceStackFile(file, withRelease(file.text, release));
  return file.path;
}

export interface UpdateOptions {
  /** Names a release once more that was tried and taken back. */
  retry?: boolean;
  /** Asks nothing; the preview is shown all the same, and stops what can't work. */
  yes?: boolean;
}

/** How it ended. */
export type UpdateResult = ChangeResult | "nothing-to-do";

/**
 * Pins a release, previews it, asks, and brings it. Where it fails, the stack file is as before.
 *
 * @param wanted a tag or a commit; by default the newest version, or with `retry` the newest that was taken back
 * @throws UserError where it can't be done; nothing was changed then
 */
export async function update(
  stack: string | undefined,
  wanted: string | undefined,
  { retry = false, yes = false }: UpdateOptions,
  context: Pick<CommandContext, "tell">,
  question: Ask = canAsk() ? ask : undefined,
): Promise<UpdateResult> {
  const { settings, place } = await settingsOfStack(stack);
  const server = RemoteServer.at(place);
  const state = await server.state();
  const target =
    wanted === undefined
      ? await newestTarget(settings, state, retry)
      : await namedTarget(settings, wanted, state, retry);
  if ("none" in target) {
    context.tell(target.none);
    return "nothing-to-do";
  }
  const { pin, commit } = target;
  const job = retry ? takenBackJob(pin, commit, state) : undefined;
  requirePerson(yes, question);
  const change = {
    ...{ name: "update", question: "Update?" },
    edit: (text: string) => withRelease(text, pin, job),
    aim: {
      ...{ server, commit },
      underWay: "The update may go on at the server. Follow it: pulumi up",
      served: `names ${pin}.`,
      lookAt: '"release"',
    },
  };
  return changeStack(stack, change, { yes, question }, context);
}

/** What is to be brought, or why there is nothing to do. */
type Target = { pin: string; commit: string } | { none: string };

async function newestTarget(
  { repository }: Settings,
  state: ServerState,
  retry: boolean,
): Promise<Target> {
  const running = state.serving?.release;
  if (running === undefined) throw new UserError(NOTHING_SERVES);
  const updates = await availableUpdates(await openMirror(repository), state);
  const newest = retry ? newestTakenBack(updates) : proposed(updates);
  if (newest !== undefined) return { pin: `${newest.tag}@${newest.commit}`, commit: newest.commit };
  if (!retry) return { none: whyNone(updates, releaseText(running)) };
  throw new UserError(
    'No newer version was tried and taken back here. Leave "--retry" away, or name the release.',
  );
}

async function namedTarget(
  { repository, release }: Settings,
  wanted: string,
  state: ServerState,
  retry: boolean,
): Promise<Target> {
  const { tag, commit } = await resolveReference(await openMirror(repository), wanted);
  // It is pinned by this command, and what is pinned is followed.
  const [moved] = movedTagRefusals({}, { name: wanted, commit }, state);
  if (moved !== undefined) throw new UserError(moved);
  const pin = tag === undefined ? commit : `${tag}@${commit}`;
  const running = state.serving?.release;
  const isServing = running?.commit === commit && isSettled(state);
  // What failed may have been other settings of the same release.
  if (!isServing || release !== pin || retry) return { pin, commit };
  return { none: `${releaseText(running)} serves already, and the stack file names it.` };
}

/** Whether what serves is as it was committed, so that a run with the same release has nothing to mend. */
function isSettled({ openJob, needsOperator, drift }: ServerState): boolean {
  return openJob === undefined && needsOperator === undefined && drift.length === 0;
}
