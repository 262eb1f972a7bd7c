/** The inputs that all resources share: which server, which instance, and what to do about it. */
import { hostname, userInfo } from "node:os";
import { UserError } from "../common/errors.ts";
import { TransportError } from "../transport/index.ts";
import type {
  JobRequest,
  LedgerRecord,
  ProgressLine,
  ServerState,
  SubmitAnswer,
  Verdict,
} from "../updater/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import type { ResourceContext } from "./resource.ts";
import {
  isOutOfReach,
  isUnreachable,
  RemoteServer,
  type ServerPlace,
  UpdaterGoneError,
} from "./server/remote-server.ts";
import { followJob, submitJob, UnansweredError } from "./server/server-jobs.ts";

/** The server of a resource's inputs or outputs; undefined while they are not known. */
export function serverOf(values: Wire): RemoteServer | undefined {
  return hasUnknown(values.place) || values.place === undefined
    ? undefined
    : RemoteServer.at(values.place as ServerPlace);
}

/** As {@link serverOf}, for changes, where everything is known. */
export function knownServerOf(values: Wire): RemoteServer {
  const server = serverOf(values);
  if (server === undefined) throw new Error("the server's address is not known yet");
  return server;
}

/**
 * The instance's state for a preview; undefined while it can't be read, which Host reports once for
 * all.
 */
export async function stateIfReachable(values: Wire): Promise<ServerState | undefined> {
  const server = serverOf(values);
  if (server === undefined) return undefined;
  try {
    return await server.state();
  } catch (error) {
    if (isUnreachable(error) || error instanceof UpdaterGoneError) return undefined;
    throw error;
  }
}

/** What serves, else what did so last: after a removal its data are there, and the next release gets them. */
export function servedLast({
  serving,
  lastServing,
}: Pick<ServerState, "serving" | "lastServing">): LedgerRecord | undefined {
  return serving ?? lastServing;
}

/**
 * What a read finds; what the stack has already where the server of its last run can't be read. The engine
 * reads by that run's address, also where the settings name another one by now: a refresh must not fail then.
 */
export async function readOrKeep(
  context: Pick<ResourceContext, "warn">,
  outputs: Wire,
  read: (server: RemoteServer) => Promise<Wire | undefined>,
): Promise<Wire | undefined> {
  const server = serverOf(outputs);
  if (server === undefined) return outputs;
  try {
    return await read(server);
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    context.warn(
      `${error.message.replace(/\.$/, "")}. This is about the server as the stack's last run had it, whatever the ` +
        "settings say since. What the stack knows of it was kept as it is.",
    );
    return outputs;
  }
}

/**
 * Refuses to go on where the server is not the one that the stack knows, or not ours at all.
 *
 * @param olds what the stack has of the resource; empty before it was created
 */
export function instanceRefusals(olds: Wire, values: Wire, state: ServerState): string[] {
  const place = values.place as ServerPlace;
  const known = olds.instanceId as string | undefined;
  // The inputs of the first run don't name the instance that it made; that there is none tells enough.
  const isGone = Object.keys(olds).length > 0 && state.instanceId === undefined;
  if (isGone || (known !== undefined && known !== state.instanceId))
    return [
      `This stack deployed ${known === undefined ? "an instance" : `instance ${known}`}, but ` +
        `${place.directory} on this server holds ` +
        `${state.instanceId === undefined ? "none" : `instance ${state.instanceId}`}: another server, or ` +
        'its disk was replaced. Nothing is changed. Point "server" at the right one; to begin anew with ' +
        "an empty chat, use a new stack.",
    ];
  if (state.foreign.length > 0)
    return [
      `There is something on the server that this tool did not deploy: ${state.foreign.join(", ")}. ` +
        "Nothing is changed. If it is a chat, take it over without a restart: npx chatalot adopt. Else choose " +
        'another "server.directory" and "project", or move these away first.',
    ];
  if (state.needsOperator !== undefined && state.openJob === undefined)
    return [
      `An earlier job could neither finish nor go back: ${state.needsOperator.trim()} See the ways out: ` +
        "npx chatalot resolve",
    ];
  return [];
}

/**
 * As {@link instanceRefusals}, by what the last run left: its outputs name the instance even where
 * its inputs could not, because there was none yet.
 */
export function refuseOtherInstance(outputs: Wire, inputs: Wire): void {
  const [known, found] = [outputs.instanceId, inputs.instanceId];
  if (typeof known !== "string" || typeof found !== "string" || known === found) return;
  throw new UserError(
    `This stack deployed instance ${known}, but the server holds instance ${found}: another server, or ` +
      'its disk was replaced. Nothing is changed. Point "server" at the right one.',
  );
}

/** The instance for the inputs: the one the stack knows, else the one found now. */
export function instanceAddition(olds: Wire, state: ServerState | undefined): Wire {
  const instanceId = olds.instanceId ?? state?.instanceId;
  return instanceId === undefined ? {} : { instanceId };
}

/** What is said of a job that is not followed to its end. */
export interface Afterwards {
  /** What the job is called. */
  what: string;
  /** How its end is seen later. */
  look: string;
}

const UPDATE: Afterwards = {
  what: "update",
  look: "Follow it: pulumi up. Stop it before it touches the running server: npx chatalot abort.",
};

/**
 * Submits a request.
 *
 * @throws UnfollowedError where no answer comes, and the job may have begun all the same
 */
export async function submit(
  context: Pick<ResourceContext, "tell" | "signal">,
  server: RemoteServer,
  request: JobRequest,
  { what, look } = UPDATE,
): Promise<SubmitAnswer> {
  try {
    return await submitJob(server, request, (text) => context.tell(text), context.signal);
  } catch (error) {
    if (!(error instanceof UnansweredError)) throw error;
    throw new UnfollowedError(
      `The ${what} may have begun at the server; this side got no answer (${endOf(error.cause)}). ${look}`,
      { cause: error },
    );
  }
}

/** Follows a job with live progress and gives its verdict. Anything but "done" is an error. */
export async function followToVerdict(
  context: ResourceContext,
  server: RemoteServer,
  sequence: number,
  afterwards = UPDATE,
): Promise<Verdict> {
  const verdict = await followWithProgress(context, server, sequence, 0, afterwards);
  for (const { hook, problem } of verdict.hooks ?? [])
    // That of before-update is the cause itself.
    if (problem !== undefined && hook !== "before-update")
      context.warn(`The server's hook ${hook} failed, which changes nothing else: ${problem}`);
  if (verdict.outcome !== "done") throw new VerdictError(verdict);
  return verdict;
}

/** A job that did not end as asked. */
export class VerdictError extends UserError {
  constructor(readonly verdict: Verdict) {
    super(verdict.text);
  }
}

/** A job that goes on at the server, or may do so, without being followed. */
export class UnfollowedError extends UserError {}

/**
 * Follows a job to its verdict, whatever that is.
 *
 * @param from where in its progress to begin
 * @throws UnfollowedError where this side stops following before the job's end
 */
export async function followWithProgress(
  context: Pick<ResourceContext, "tell" | "status" | "signal">,
  server: RemoteServer,
  sequence: number,
  from = 0,
  afterwards = UPDATE,
): Promise<Verdict> {
  const tell = ({ step, text, detail }: ProgressLine): void => {
    if (detail === true) context.status(`${step} ${text}`);
    // The verdict is told by whoever reads it, as a result or as an error.
    else if (step !== "J11" && step !== "R5") context.tell(`${step} ${text}`);
  };
  try {
    return await followJob(server, sequence, tell, context.signal, from);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    throw new UnfollowedError(
      `The ${afterwards.what} goes on at the server as job ${sequence}; this side no longer follows it ` +
        `(${endOf(error)}). ${afterwards.look}`,
      { cause: error },
    );
  }
}

function endOf(error: TransportError): string {
  return error.isCanceled ? "interrupted" : error.message;
}

/** Who asks, for the server's ledger. */
export function requester(): string {
  return `${userInfo().username}@${hostname()}`;
}
