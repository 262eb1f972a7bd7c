/** What the server would answer to a request, asked without a job being opened. */
import type { ForeseenAnswer, JobRequest } from "../../updater/protocol.ts";
import { foreseenSchema } from "./job-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";

/** The request is the standard input, as for a submission, so its secrets are in no argument. */
export async function foresee(
  server: RemoteServer,
  request: JobRequest,
  tell: Tell,
): Promise<ForeseenAnswer> {
  const label = "ask whether anything is to be done";
  const question = { label, verb: "foresee", request, timeout: 120_000, forgets: false };
  const answer = await askUpdater(server, question, tell);
  return readAnswer(foreseenSchema, answer, server.answerTo("answer"));
}
