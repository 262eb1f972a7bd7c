/** What the server would answer to a request, asked without a job being opened. */
import { createHash } from "node:crypto";
import type { ForeseenAnswer, JobRequest } from "../../updater/protocol.ts";
import { readAnswer } from "./answers.ts";
import { ifInstalled, type Tell } from "./ask-updater.ts";
import { foreseenSchema } from "./job-schemas.ts";
import type { RemoteServer } from "./remote-server.ts";
import type { Runner } from "./runner.ts";

export async function foresee(
  server: RemoteServer,
  request: JobRequest,
  tell: Tell,
): Promise<ForeseenAnswer> {
  return read(server, await server.install(tell), JSON.stringify(request));
}

/** The same for a preview, which installs nothing; undefined where this version's programs are not there yet. */
export function foreseeIfInstalled(
  server: RemoteServer,
  request: JobRequest,
): Promise<ForeseenAnswer | undefined> {
  const stdin = JSON.stringify(request);
  // Two looks at one change ask the same.
  const what = `foreseen ${createHash("sha256").update(stdin).digest("hex")}`;
  return ifInstalled(server, what, (runner) => read(server, runner, stdin));
}

/** The request is the standard input, as for a submission, so its secrets are in no argument. */
async function read(server: RemoteServer, runner: Runner, stdin: string): Promise<ForeseenAnswer> {
  const { stdout } = await server.ask(
    "ask whether anything is to be done",
    runner,
    { verb: "foresee" },
    { stdin, timeout: 120_000 },
  );
  return readAnswer(foreseenSchema, stdout, server.answerTo("answer"));
}
