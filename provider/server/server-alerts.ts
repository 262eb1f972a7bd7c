/** The alerts that a server sends: foreseen, set, removed and tried. */
import type {
  AlertSettings,
  AlertsRequest,
  ForeseeAlertsRequest,
  SetAlertsAnswer,
  SetAlertsRequest,
} from "../../updater/alerts/protocol.ts";
import {
  type ForeseenTimers,
  PROTOCOL,
  type RemovedAnswer,
  type RemoveTimersRequest,
} from "../../updater/protocol.ts";
import { removedSchema, setAlertsSchema, testAlertsSchema } from "./care-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";
import { foreseenTimers, removal } from "./server-schedule.ts";

/** Some calls of systemctl on a busy server, and a message by each way. */
const TIMEOUT = 120_000;

/** Sets the alerts, in the place of what was set before. */
export async function setAlertsOf(
  server: RemoteServer,
  alerts: AlertSettings,
  tell: Tell,
): Promise<SetAlertsAnswer> {
  const { directory } = server.place;
  const request: SetAlertsRequest = { protocol: PROTOCOL, directory, alerts };
  const answer = await ask(server, "set-alerts", request, tell);
  return readAnswer(setAlertsSchema, answer, server.answerTo("answer"));
}

/**
 * What {@link setAlertsOf} would be refused; undefined where that can't be asked, yet or at all: whether a webhook
 * takes a message only a message shows, and a preview sends none.
 */
export async function foreseeAlertsOf(
  server: RemoteServer,
  { mail }: Pick<AlertSettings, "mail">,
): Promise<ForeseenTimers | undefined> {
  if (mail === undefined) return undefined;
  const { directory } = server.place;
  const request: ForeseeAlertsRequest = { protocol: PROTOCOL, directory, mail };
  return foreseenTimers(server, "foresee-alerts", request);
}

/**
 * Nothing is told from then on.
 *
 * @param instanceId what they were set for; undefined where that is not known
 */
export async function removeAlertsOf(
  server: RemoteServer,
  instanceId: string | undefined,
  tell: Tell,
): Promise<RemovedAnswer> {
  const answer = await ask(server, "remove-alerts", removal(server, instanceId), tell);
  return readAnswer(removedSchema, answer, server.answerTo("answer"));
}

/** Sends a message by every way that is set. @returns what went wrong */
export async function testAlertsOf(server: RemoteServer, tell: Tell): Promise<string[]> {
  const { directory } = server.place;
  const request: AlertsRequest = { protocol: PROTOCOL, directory };
  const answer = await ask(server, "test-alerts", request, tell);
  return readAnswer(testAlertsSchema, answer, server.answerTo("answer")).problems;
}

function ask(
  server: RemoteServer,
  verb: "set-alerts" | "remove-alerts" | "test-alerts",
  request: SetAlertsRequest | AlertsRequest | RemoveTimersRequest,
  tell: Tell,
): Promise<string> {
  return askUpdater(
    server,
    { label: "set the server's alerts", verb, request, timeout: TIMEOUT },
    tell,
  );
}
