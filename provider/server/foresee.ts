/** What the server would answer to a request, asked without a job being opened. */
import type { ForeseenAnswer, JobRequest } from "../../updater/protocol.ts";
import { foreseenSchema } from "./answer-schemas.ts";
import { readAnswer } from "./answers.ts";
import type { RemoteServer } from "./remote-server.ts";

/** The request is the standard input, as for a submission, so its secrets are in no argument. */
export async function foresee(
  server: RemoteServer,
  request: JobRequest,
  tell: (text: string) => void,
): Promise<ForeseenAnswer> {
  const runner = await server.install(tell);
  const { stdout } = await server.ask(
    "ask whether anything is to be done",
    runner,
    { verb: "foresee" },
    { stdin: JSON.stringify(request), timeout: 120_000 },
  );
  return readAnswer(foreseenSchema, stdout, server.answerTo("answer"));
}
