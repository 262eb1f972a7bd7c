/** Jobs on a server: opened, followed to their end, stopped, and what one of them left to a person. */
import {
  type Clock,
  retryWhileConnectionLost,
  TransportError,
  type TransportFailure,
} from "../../transport/index.ts";
import {
  type JobRequest,
  PROTOCOL,
  type ProgressLine,
  type ResolveAnswer,
  type ResolveRequest,
  type SubmitAnswer,
  type Verdict,
} from "../../updater/protocol.ts";
import { abortSchema, followSchema, submitSchema } from "./job-schemas.ts";
import { resolveSchema } from "./predicament-schema.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";

/** Both wait for the lock of submissions. */
const SUBMIT_TIMEOUT = 120_000;
const RESOLVE_TIMEOUT = 120_000;

const ABORT_TIMEOUT = 60_000;

/** One following; a job that takes longer is taken up again. */
const FOLLOW_TIMEOUT = 4 * 3_600_000;

/** How long a server without a connection is tried before the job is left to itself. */
const RECONNECT_PATIENCE = 10 * 60_000;

/** Ends of a submission after which the server may have taken it. */
const ENDS_UNANSWERED = new Set<TransportFailure>(["connection-lost", "canceled", "timeout"]);

/** A request was sent and no answer came: whether its job was opened is not known. */
export class UnansweredError extends Error {
  override readonly name = "UnansweredError";

  constructor(override readonly cause: TransportError) {
    super(cause.message, { cause });
  }
}

/**
 * Submits a request, over lost connections too: where its job is open already, the answer is that job. The
 * request is the standard input, so its secrets are in no argument.
 *
 * @param signal ends the waiting for a connection
 * @throws UnansweredError where the job may have been opened all the same
 */
export async function submitJob(
  server: RemoteServer,
  request: JobRequest,
  tell: Tell,
  signal: AbortSignal,
  clock?: Clock,
): Promise<SubmitAnswer> {
  const runner = await server.install(tell);
  server.forget();
  const options = { stdin: JSON.stringify(request), timeout: SUBMIT_TIMEOUT };
  let mayBeOpen = false;
  const submitOnce = async (): Promise<string> => {
    try {
      return (await server.ask("submit the job", runner, { verb: "submit" }, options)).stdout;
    } catch (error) {
      mayBeOpen ||= error instanceof TransportError && ENDS_UNANSWERED.has(error.failure);
      throw error;
    }
  };
  const report = (error: TransportError, delay: number): void =>
    tell(`${error.message}; connecting again in ${Math.ceil(delay / 1_000)} s`);
  let answer: string;
  try {
    const retry = { patience: RECONNECT_PATIENCE, signal, report };
    answer = await retryWhileConnectionLost(submitOnce, retry, clock);
  } catch (error) {
    throw mayBeOpen && error instanceof TransportError ? new UnansweredError(error) : error;
  }
  return readAnswer(submitSchema, answer, server.answerTo("request"));
}

/**
 * Follows a job to its end, over lost connections too. The signal ends the following; the job goes on.
 *
 * @param from where in its progress to begin
 */
export async function followJob(
  server: RemoteServer,
  sequence: number,
  tell: (line: ProgressLine) => void,
  signal: AbortSignal,
  from = 0,
): Promise<Verdict> {
  let offset = from;
  let verdict: Verdict | undefined;
  const onLine = (text: string): void => {
    const line = readAnswer(followSchema, text, server.answerTo("job"));
    if (line.type === "verdict") verdict = line.verdict;
    else {
      offset = line.offset;
      tell(line.progress);
    }
  };
  const followOnce = () =>
    server.ask(
      "follow the job",
      server.lastRunner,
      { verb: "follow", numbers: [sequence, offset] },
      { timeout: FOLLOW_TIMEOUT, signal, onLine },
    );
  for (;;) {
    try {
      await retryWhileConnectionLost(followOnce, {
        patience: RECONNECT_PATIENCE,
        wasConnected: true,
        signal,
        report: (error, delay) =>
          tell({
            at: new Date().toISOString(),
            step: "link",
            text: `${error.message}; the job goes on, connecting again in ${Math.ceil(delay / 1_000)} s`,
          }),
      });
    } catch (error) {
      // The job has limits of its own: a migration may take days.
      if (!(error instanceof TransportError && error.timedOut)) throw error;
    }
    server.forget();
    if (verdict !== undefined) return verdict;
  }
}

/** Asks the open job to stop before the swap; false where it is past that point. */
export async function abortJob(server: RemoteServer): Promise<boolean> {
  const { stdout } = await server.ask(
    "stop the job",
    server.lastRunner,
    { verb: "abort", numbers: [] },
    { timeout: ABORT_TIMEOUT },
  );
  return readAnswer(abortSchema, stdout, server.answerTo("answer")).aborted !== null;
}

/** Shows, clears or takes back what needs the operator. */
export async function resolveOn(
  server: RemoteServer,
  action: ResolveRequest["action"],
  requestedBy: string,
  tell: Tell,
): Promise<ResolveAnswer> {
  const { directory } = server.place;
  const request: ResolveRequest = { protocol: PROTOCOL, directory, action, requestedBy };
  const label = "ask what needs the operator";
  const question = { label, verb: "resolve", request, timeout: RESOLVE_TIMEOUT };
  const answer = await askUpdater(server, question, tell);
  return readAnswer(resolveSchema, answer, server.answerTo("answer"));
}
