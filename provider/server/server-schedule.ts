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
import { runnerArgv } from "./checked-runner.ts";
import type { RemoteServer } from "./remote-server.ts";

/** Some calls of systemctl on a busy server. */
const TIMEOUT = 120_000;

/** Gets what is told of the sending of the updater, where that is needed. */
type Tell = (text: string) => void;

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

async function ask(
  server: RemoteServer,
  verb: "set-schedule" | "remove-schedule",
  request: SetScheduleRequest | RemoveScheduleRequest,
  tell: Tell,
): Promise<string> {
  const runner = await server.install(tell);
  server.forget();
  const { stdout } = await server.transport.run(
    "set the server's timers",
    runnerArgv(runner, verb),
    {
      stdin: JSON.stringify(request),
      timeout: TIMEOUT,
    },
  );
  return stdout;
}
