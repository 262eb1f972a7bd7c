/** `chatalot updates`: what there is, and `chatalot update`: pinned, shown, asked for, done. */
import { RemoteServer } from "../provider/server/remote-server.ts";
import { openMirror } from "../release/mirror.ts";
import { resolveReference } from "../release/resolve.ts";
import type { ServerState } from "../updater/protocol.ts";
import { releaseText } from "../updater/texts.ts";
import { type ChangeResult, changeStack, takenBackJob } from "./run/change.ts";
import { replaceStackFile, stackFileOf, withRelease } from "./run/stack-file.ts";
import { settingsOfStack } from "./stack.ts";
import { ask, type Ask, canAsk, type CommandContext, requirePerson } from "./terminal.ts";
import { type AvailableUpdate, availableUpdates, proposed } from "./updates/list.ts";

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
 * @param wanted a tag or a commit; by default the newest version
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
  const target = await targetOf(settings.repository, wanted, state);
  if (target === undefined) return "nothing-to-do";
  const job = retry ? takenBackJob(target.pin, target.commit, state) : undefined;
  requirePerson(yes, question);
  const change = {
    ...{ name: "update", question: "Update?" },
    edit: (text: string) => withRelease(text, target.pin, job),
    aim: {
      ...{ server, commit: target.commit },
      underWay: "The update may go on at the server. Follow it: pulumi up",
      served: `names ${target.pin}.`,
      lookAt: '"release"',
    },
  };
  return changeStack(stack, change, { yes, question }, context);
}

async function targetOf(
  repository: string,
  wanted: string | undefined,
  state: ServerState,
): Promise<{ pin: string; commit: string } | undefined> {
  const mirror = await openMirror(repository);
  if (wanted === undefined) {
    const newest = proposed(await availableUpdates(mirror, state));
    return newest === undefined
      ? undefined
      : { pin: `${newest.tag}@${newest.commit}`, commit: newest.commit };
  }
  const { tag, commit } = await resolveReference(mirror, wanted);
  return { pin: tag === undefined ? commit : `${tag}@${commit}`, commit };
}
