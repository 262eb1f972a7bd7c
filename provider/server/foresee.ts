/** What the server would answer to a request, asked without a job being opened. */
import type { ForeseenAnswer, JobRequest } from "../../updater/protocol.ts";
import { foreseenSchema } from "./job-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Question, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";

/** The request is the standard input, as for a submission, so its secrets are in no argument. */
export async function foresee(
  server: RemoteServer,
  request: JobRequest,
  tell: Tell,
): Promise<ForeseenAnswer> {
  const answer = await askUpdater(server, questionOf(request), tell);
  return readAnswer(foreseenSchema, answer, server.answerTo("answer"));
}

/** For a preview, which installs nothing: undefined where this version's programs are not there yet. */
export async function foreseeIfInstalled(
  server: RemoteServer,
  request: JobRequest,
): Promise<ForeseenAnswer | undefined> {
  const { hasInstance } = await server.facts();
  const isInstalled = hasInstance && (await server.installed()) !== undefined;
  return isInstalled ? foresee(server, request, () => undefined) : undefined;
}

function questionOf(request: JobRequest): Question {
  const label = "ask whether anything is to be done";
  return { label, verb: "foresee", request, timeout: 120_000, forgets: false };
}
