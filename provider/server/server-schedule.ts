/** What a server does by the clock: set and removed. */
import { PROTOCOL } from "../../updater/protocol.ts";
import type {
  RemoveScheduleRequest,
  Schedule,
  SetScheduleAnswer,
  SetScheduleRequest,
} from "../../updater/schedule/protocol.ts";
import { setScheduleSchema } from "./answer-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";

/** Some calls of systemctl on a busy server. */
const TIMEOUT = 120_000;

/** Sets what is done by the clock, in the place of what was set before. */
export async function setScheduleOf(
  server: RemoteServer,
  schedule: Schedule,
  tell: Tell,
): Promise<SetScheduleAnswer> {
  const { directory } = server.place;
  const request: SetScheduleRequest = { protocol: PROTOCOL, directory, schedule };
  const answer = await ask(server, "set-schedule", request, tell);
  return readAnswer(setScheduleSchema, answer, server.answerTo("answer"));
}

/** Nothing is done by the clock from then on. */
export async function removeScheduleOf(server: RemoteServer, tell: Tell): Promise<void> {
  const { directory } = server.place;
  const request: RemoveScheduleRequest = { protocol: PROTOCOL, directory };
  await ask(server, "remove-schedule", request, tell);
}

function ask(
  server: RemoteServer,
  verb: "set-schedule" | "remove-schedule",
  request: SetScheduleRequest | RemoveScheduleRequest,
  tell: Tell,
): Promise<string> {
  return askUpdater(
    server,
    { label: "set the server's timers", verb, request, timeout: TIMEOUT },
    tell,
  );
}
