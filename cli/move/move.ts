/**
 * `chatalot move`: the chat leaves its server for an empty one, by a last backup that is taken while nobody
 * can write. The old server serves again wherever it fails, and loses nothing where it doesn't.
 */
import { resolve } from "node:path";
import { messageOf, UserError } from "../../common/errors.ts";
import { preflight } from "../../provider/host.ts";
import { buildPlace } from "../../provider/images.ts";
import { followWithProgress } from "../../provider/place.ts";
import { refuseAnswer } from "../../provider/server/answers.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { removeAlertsOf } from "../../provider/server/server-alerts.ts";
import { pauseOn, removeOn, resumeOn } from "../../provider/server/server-move.ts";
import { removeScheduleOf } from "../../provider/server/server-schedule.ts";
import type { Settings } from "../../settings/parse.ts";
import { parseSettings } from "../../settings/parse.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { releaseText } from "../../updater/texts.ts";
import { fetchBackup } from "../backup/fetch.ts";
import { takeWholeBackup } from "../backup/jobs.ts";
import { NAMESPACE } from "../init/stack-file.ts";
import { readLocalBackup } from "../restore/folder.ts";
import { bring, run } from "../restore/restore.ts";
import type { ChangeResult } from "../run/change.ts";
import { withValues } from "../run/stack-file.ts";
import { type StackValues, valuesOfStack } from "../stack.ts";
import { agrees, ask, type Ask, canAsk, type CommandContext, requirePerson } from "../terminal.ts";
import { movedSettings, type NewServerOptions, refuseSameDocker } from "./address.ts";
import { movePlanText } from "./plan.ts";
import { dockerIdOf } from "../../provider/server/server-transfers.ts";

export interface MoveOptions extends NewServerOptions {
  /** The folder of this machine that the backup is put into. */
  folder: string;
  /** Asks nothing. */
  yes?: boolean;
}

/** From where to where. */
interface Move {
  old: RemoteServer;
  next: RemoteServer;
  /** The setting `server` of the new one. */
  address: Record<string, unknown>;
  state: ServerState;
  folder: string;
}

/**
 * @param to the new server, as `user@host:port`
 * @throws UserError where it can't be done; the chat serves where it was
 */
export async function move(
  stack: string | undefined,
  to: string,
  options: MoveOptions,
  context: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<ChangeResult> {
  const { yes = false } = options;
  requirePerson(yes, question);
  const values = await valuesOfStack(stack);
  const address = movedSettings(values.raw.server, to, options);
  const next = serverAt(values, address);
  const state = await refuseUnmovable(values, next, context);
  const plan = {
    ...{ from: values.remote.target, to: next.target, folder: resolve(options.folder) },
    release: state.serving?.release === undefined ? "" : releaseText(state.serving.release),
    databaseSize: state.database?.size,
    url: values.settings.url,
    own: ownFiles(state),
    directory: next.place.directory,
  };
  for (const line of movePlanText(plan)) context.tell(line);
  context.tell("");
  if (!yes && !(await agrees(question, "Stop the chat, and move it?"))) return "declined";
  return moveAll(stack, { old: values.remote, next, address, state, folder: plan.folder }, context);
}

/** What no update writes, and so no backup puts back. */
function ownFiles({ override, hooks }: ServerState): string[] {
  return [
    ...(override === undefined ? [] : [override.name]),
    ...(hooks?.names ?? []).map((name) => `hooks/${name}`),
  ];
}

/** The place there: all else is as it is here. */
function serverAt({ raw, place }: StackValues, server: Record<string, unknown>): RemoteServer {
  const { server: address } = parseSettings({ ...raw, server }, { namespace: NAMESPACE });
  return RemoteServer.at({ ...place, server: address });
}

/** @throws UserError with all that is in the way, while the chat serves */
async function refuseUnmovable(
  { remote: old, settings }: StackValues,
  next: RemoteServer,
  { warn }: CommandContext,
): Promise<ServerState> {
  const [state, { failures, warnings }] = await Promise.all([
    old.state(),
    preflight(next, needsOf(settings, next)),
  ]);
  const reasons = [
    ...notServing(old, state),
    ...failures.map((failure) => `${next.target}: ${failure}`),
  ];
  if (reasons.length > 0) throw new UserError(listed(reasons));
  const [here, there, found] = await Promise.all([dockerIdOf(old), dockerIdOf(next), next.state()]);
  refuseSameDocker(here, there, next.target);
  if (found.instanceId !== undefined && found.lastClosed !== undefined)
    throw new UserError(
      listed([
        `${next.target} has a chat in ${next.place.directory} already. Choose a server without one`,
      ]),
    );
  if (found.foreign.length > 0)
    throw new UserError(
      listed([`${next.target} is not empty: ${found.foreign.join(", ")}. Move these away first`]),
    );
  for (const warning of warnings) warn(warning);
  return state;
}

function needsOf({ listen, images }: Settings, { place }: RemoteServer) {
  return {
    ...{ directory: place.directory, listen, prepareServer: false },
    buildPlace: buildPlace(images),
  };
}

function notServing({ target }: RemoteServer, state: ServerState): string[] {
  if (state.openJob !== undefined) return [`a job is under way on ${target}`];
  if (state.needsOperator !== undefined) return [`${target} needs you: npx chatalot resolve`];
  if (state.serving === undefined) return [`nothing serves on ${target} that could be moved`];
  return state.drift.map((drift) => `${target} is not as it was deployed: ${drift}`);
}

function listed(reasons: string[]): string {
  return `The chat can't be moved:\n  - ${reasons.join("\n  - ")}\nNothing was changed.`;
}

/** From the stop on: whatever fails, the old server is started again, unless the chat serves on the new one. */
async function moveAll(
  stack: string | undefined,
  { old, next, address, state, folder }: Move,
  context: CommandContext,
): Promise<ChangeResult> {
  const { tell } = context;
  tell(`Should this command be ended: pulumi up starts the chat again on ${old.target}.`);
  let result: ChangeResult | undefined;
  let failure: unknown;
  let mayServeThere = false;
  try {
    const paused = await pauseOn(old, tell);
    refuseAnswer(paused);
    tell(`STOPPED   ${paused.services.join(", ")} on ${old.target}; the database runs on`);
    const name = await takeWholeBackup(old, context);
    const local = await readLocalBackup(await fetchBackup(stack, name, { to: folder }, context));
    await bring(next, local, context);
    const restore = { server: next, name, manifest: local.manifest, local };
    mayServeThere = true;
    result = await run(stack, restore, 0, undefined, context, (text) =>
      withValues(text, { server: address }),
    );
  } catch (error) {
    failure = error;
  }
  // Only a server that says so: two chats that serve would each take messages that the other one lacks.
  const whereabouts = result === "done" ? "there" : mayServeThere ? await placeOf(next) : "here";
  if (whereabouts === "there") await leave(old, state, context);
  else if (whereabouts === "here") await startAgain(old, context);
  else
    tell(
      `The chat is stopped on ${old.target} until it is known what became of it. When it serves on ` +
        `${next.target}, that is right; else put "server" back in the stack file, and run pulumi up.`,
    );
  if (result === undefined) throw failure;
  return result;
}

/**
 * Where the chat is after a run that did not go well. It may be the new server's nevertheless, as where only the
 * public address does not lead there yet.
 */
export async function placeOf(
  next: Pick<RemoteServer, "forget" | "state">,
): Promise<"here" | "there" | "unknown"> {
  next.forget();
  try {
    const { serving, openJob } = await next.state();
    if (openJob !== undefined) return "unknown";
    return serving === undefined ? "here" : "there";
  } catch {
    return "unknown";
  }
}

async function startAgain(old: RemoteServer, { tell, warn }: CommandContext): Promise<void> {
  try {
    const answer = await resumeOn(old, tell);
    refuseAnswer(answer);
    if (answer.problem !== undefined) throw new UserError(answer.problem);
    tell(`The chat serves again on ${old.target}, as it did.`);
  } catch (error) {
    warn(
      `The chat could not be started again on ${old.target}: ${messageOf(error)}. Start it: pulumi up`,
    );
  }
}

/** What is left on the old server runs no more and tells nobody that it is down. */
async function leave(
  old: RemoteServer,
  { instanceId, serving }: ServerState,
  context: CommandContext,
): Promise<void> {
  const { tell, warn } = context;
  try {
    for (const remove of [removeScheduleOf, removeAlertsOf]) {
      refuseAnswer(await remove(old, instanceId, tell));
    }
    const afterwards = { what: "removal", look: `Look at ${old.target}.` };
    const answer = await removeOn(context, old, instanceId, afterwards);
    refuseAnswer(answer);
    if (answer.answer !== "unchanged")
      await followWithProgress(context, old, answer.sequence, 0, afterwards);
    const { directory, volumes } = old.place;
    // An upgrade of the database left the usual one behind.
    const upgraded = serving?.serving?.postgres?.volume;
    const kept = [...new Set([...volumes, ...(upgraded === undefined ? [] : [upgraded])])];
    tell(
      `MOVED     ${old.target} keeps ${directory} and the volumes ${kept.join(", ")}. When you are sure, delete ` +
        "them there.",
    );
  } catch (error) {
    warn(
      `The chat has moved, but ${old.target} could not be left as it should: ${messageOf(error)}. It is ` +
        `stopped there. Take it away by hand: docker compose down in ${old.place.directory}`,
    );
  }
}
