/** The alerts that a server sends: set, removed and tried. */
import type {
  AlertSettings,
  AlertsRequest,
  SetAlertsAnswer,
  SetAlertsRequest,
} from "../../updater/alerts/protocol.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import { setAlertsSchema, testAlertsSchema } from "./answer-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";

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

/** Nothing is told from then on. */
export async function removeAlertsOf(server: RemoteServer, tell: Tell): Promise<void> {
  await ask(server, "remove-alerts", requestOf(server), tell);
}

/** Sends a message by every way that is set. @returns what went wrong */
export async function testAlertsOf(server: RemoteServer, tell: Tell): Promise<string[]> {
  const answer = await ask(server, "test-alerts", requestOf(server), tell);
  return readAnswer(testAlertsSchema, answer, server.answerTo("answer")).problems;
}

function requestOf({ place }: RemoteServer): AlertsRequest {
  return { protocol: PROTOCOL, directory: place.directory };
}

function ask(
  server: RemoteServer,
  verb: "set-alerts" | "remove-alerts" | "test-alerts",
  request: SetAlertsRequest | AlertsRequest,
  tell: Tell,
): Promise<string> {
  return askUpdater(
    server,
    { label: "set the server's alerts", verb, request, timeout: TIMEOUT },
    tell,
  );
}
