/** What the server would answer to a request, asked without a job being opened. */
import type { ForeseenAnswer, JobRequest } from "../../updater/protocol.ts";
import { readAnswer } from "./answers.ts";
import { askIfInstalled, askUpdater, type Tell } from "./ask-updater.ts";
import { foreseenSchema } from "./job-schemas.ts";
import type { RemoteServer } from "./remote-server.ts";

/** The request is the standard input, as for a submission, so its secrets are in no argument. */
const question = (request: JobRequest) => ({
  ...{ label: "ask whether anything is to be done", verb: "foresee", request, timeout: 120_000 },
});

export async function foresee(
  server: RemoteServer,
  request: JobRequest,
  tell: Tell,
): Promise<ForeseenAnswer> {
  const answer = await askUpdater(server, { ...question(request), forgets: false }, tell);
  return readAnswer(foreseenSchema, answer, server.answerTo("answer"));
}

/** The same for a preview, which installs nothing; undefined where this version's programs are not there yet. */
export async function foreseeIfInstalled(
  server: RemoteServer,
  request: JobRequest,
): Promise<ForeseenAnswer | undefined> {
  const answer = await askIfInstalled(server, question(request));
  return answer === undefined
    ? undefined
    : readAnswer(foreseenSchema, answer, server.answerTo("answer"));
}
