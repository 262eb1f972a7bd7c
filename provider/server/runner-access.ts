/**
 * A server that is reached through the runner: one program of root's that does what is named here, and nothing
 * else. What it refuses is told in its own words.
 */
import { Readable } from "node:stream";
import { RUNNER_PROGRAM } from "../../common/runner-rule.ts";
import { UserError } from "../../common/errors.ts";
import {
  type RunOptions,
  type RunResult,
  type Transport,
  TransportError,
} from "../../transport/index.ts";
import {
  CALL,
  NOT_PERMITTED,
  OTHER_RUNNER,
  type RunnerCall,
} from "../../updater/runner/protocol.ts";
import type { ServerPlace } from "./remote-server.ts";
import { updaterBundle } from "./updater-bundle.ts";

/** Before the client's own end, so that the runner is never ended as lost. */
const GRACE_SECONDS = 5;

/** What is asked of the runner. */
export interface RunnerQuestion {
  verb: string;
  /** What the verb takes as arguments. */
  numbers?: readonly number[];
}

/**
 * @param options its standard input follows the call
 * @throws UserError where the runner refuses, or is of another version
 */
export async function callRunner(
  transport: Transport,
  place: Pick<ServerPlace, "server"> & Partial<ServerPlace>,
  label: string,
  { verb, numbers = [] }: RunnerQuestion,
  options: RunOptions,
): Promise<RunResult> {
  const call: RunnerCall = {
    ...{ call: CALL, updater: (await updaterBundle()).sha256, verb },
    ...(place.directory === undefined ? {} : { directory: place.directory }),
    numbers: [...numbers],
    seconds: Math.ceil(options.timeout / 1_000) + GRACE_SECONDS,
  };
  const stdin = following(`${JSON.stringify(call)}\n`, options.stdin);
  try {
    return await transport.run(label, [RUNNER_PROGRAM], { ...options, stdin, isRunner: true });
  } catch (error) {
    if (!(error instanceof TransportError) || error.failure !== "exit-code") throw error;
    const said = (error.details.stderr ?? "").trim();
    if (error.details.exitCode === OTHER_RUNNER)
      throw new UserError(
        `${label} on ${transport.target}: ${said}. Have an administrator of the server renew it: ` +
          `${installCommand(place)} prints the script for that. Nothing was changed.`,
        { cause: error },
      );
    if (error.details.exitCode === NOT_PERMITTED)
      throw new UserError(`${label} on ${transport.target}: ${said}.`, { cause: error });
    throw error;
  }
}

/** The command that prints what an administrator runs on a server. */
export function installCommand({
  server,
  directory,
  project,
}: Pick<ServerPlace, "server"> & Partial<ServerPlace>): string {
  return [
    `npx chatalot runner --user ${server?.user ?? "deploy"}`,
    ...(directory === undefined || directory === "/srv/chatalot"
      ? []
      : [`--directory ${directory}`]),
    ...(project === undefined || project === "chatalot" ? [] : [`--project ${project}`]),
  ].join(" ");
}

function following(line: string, stdin: RunOptions["stdin"]): RunOptions["stdin"] {
  if (stdin === undefined || typeof stdin === "string") return line + (stdin ?? "");
  const first = Buffer.from(line);
  return stdin instanceof Uint8Array
    ? Buffer.concat([first, stdin])
    : Readable.from(followed(first, stdin));
}

/** Bytes, and what comes after them. */
export async function* followed(
  line: Uint8Array,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield line;
  yield* content;
}
