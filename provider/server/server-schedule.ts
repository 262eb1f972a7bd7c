/** What a server does by the clock: foreseen, set and removed. */
import {
  type ForeseenTimers,
  PROTOCOL,
  type RemovedAnswer,
  type RemoveTimersRequest,
} from "../../updater/protocol.ts";
import type {
  Schedule,
  SetScheduleAnswer,
  SetScheduleRequest,
} from "../../updater/schedule/protocol.ts";
import { foreseenTimersSchema, removedSchema, setScheduleSchema } from "./care-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askIfInstalled, askUpdater, type Tell } from "./ask-updater.ts";
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

/** What {@link setScheduleOf} would be refused; undefined where that can't be asked yet. Changes nothing. */
export async function foreseeScheduleOf(
  server: RemoteServer,
  schedule: Schedule,
): Promise<ForeseenTimers | undefined> {
  const { directory } = server.place;
  const request: SetScheduleRequest = { protocol: PROTOCOL, directory, schedule };
  return foreseenTimers(server, "foresee-schedule", request);
}

/** Puts a question about timers for a preview. */
export async function foreseenTimers(
  server: RemoteServer,
  verb: "foresee-schedule" | "foresee-alerts",
  request: object,
): Promise<ForeseenTimers | undefined> {
  const label = "ask what of the server's timers would be refused";
  const answer = await askIfInstalled(server, { label, verb, request, timeout: TIMEOUT });
  return answer === undefined
    ? undefined
    : readAnswer(foreseenTimersSchema, answer, server.answerTo("answer"));
}

/**
 * Nothing is done by the clock from then on.
 *
 * @param instanceId what it was set for; undefined where that is not known
 */
export async function removeScheduleOf(
  server: RemoteServer,
  instanceId: string | undefined,
  tell: Tell,
): Promise<RemovedAnswer> {
  const answer = await ask(server, "remove-schedule", removal(server, instanceId), tell);
  return readAnswer(removedSchema, answer, server.answerTo("answer"));
}

/** The request to take timers away. */
export function removal(
  { place }: RemoteServer,
  instanceId: string | undefined,
): RemoveTimersRequest {
  return {
    ...{ protocol: PROTOCOL, directory: place.directory },
    ...(instanceId === undefined ? {} : { instanceId }),
  };
}

function ask(
  server: RemoteServer,
  verb: "set-schedule" | "remove-schedule",
  request: SetScheduleRequest | RemoveTimersRequest,
  tell: Tell,
): Promise<string> {
  return askUpdater(
    server,
    { label: "set the server's timers", verb, request, timeout: TIMEOUT },
    tell,
  );
}
