/** What the server would answer to a request, asked without a job being opened. */
import { type ForeseenAnswer, type JobRequest, PROTOCOL } from "../../updater/protocol.ts";
import type { RoomAnswer, RoomRequest } from "../../updater/room-protocol.ts";
import { readAnswer } from "./answers.ts";
import { askIfInstalled, askUpdater, type Tell } from "./ask-updater.ts";
import { foreseenSchema, roomSchema } from "./job-schemas.ts";
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

/** Whether a job would find too little room; undefined where this version's programs are not there yet. */
export async function foreseeRoomIfInstalled(
  server: RemoteServer,
  { changes, isUpgrade }: Pick<RoomRequest, "changes" | "isUpgrade">,
): Promise<RoomAnswer | undefined> {
  const { directory, project, volumes } = server.place;
  const place = { protocol: PROTOCOL, directory, project, volumes } as const;
  const request: RoomRequest = { ...place, changes, isUpgrade };
  const label = "ask whether there is room for the update";
  const answer = await askIfInstalled(server, {
    ...{ label, verb: "foresee-room", request, timeout: 120_000 },
  });
  return answer === undefined
    ? undefined
    : readAnswer(roomSchema, answer, server.answerTo("answer"));
}
