/** A chat that something else deployed: looked for, taken over, and let go. */
import type {
  AdoptAnswer,
  AdoptRequest,
  ForgetAnswer,
  ForgetRequest,
  LookAnswer,
  LookRequest,
} from "../../updater/adopt/protocol.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import { adoptSchema, forgetSchema, lookSchema } from "./adoption-schemas.ts";
import { readAnswer } from "./answers.ts";
import { runnerArgv } from "./checked-runner.ts";
import type { RemoteServer } from "./remote-server.ts";

/** The lock of submissions may be waited for; an image is labelled, and flushed. */
const TIMEOUT = 10 * 60_000;

/** Gets what is told of the sending of the updater, where that is needed. */
type Tell = (text: string) => void;

/** Changes nothing but that the updater is sent. */
export async function lookForChatOn(server: RemoteServer, tell: Tell): Promise<LookAnswer> {
  const { directory, project } = server.place;
  const request: LookRequest = { protocol: PROTOCOL, directory, project };
  const answer = await ask(server, "look-for-chat", request, tell);
  return readAnswer(lookSchema, answer, server.answerTo("answer"));
}

export async function adoptOn(
  server: RemoteServer,
  request: AdoptRequest,
  tell: Tell,
): Promise<AdoptAnswer> {
  const answer = await ask(server, "adopt", request, tell);
  return readAnswer(adoptSchema, answer, server.answerTo("answer"));
}

export async function forgetOn(server: RemoteServer, tell: Tell): Promise<ForgetAnswer> {
  const request: ForgetRequest = { protocol: PROTOCOL, directory: server.place.directory };
  const answer = await ask(server, "forget", request, tell);
  return readAnswer(forgetSchema, answer, server.answerTo("answer"));
}

async function ask(
  server: RemoteServer,
  verb: "look-for-chat" | "adopt" | "forget",
  request: LookRequest | AdoptRequest | ForgetRequest,
  tell: Tell,
): Promise<string> {
  const runner = await server.install(tell);
  server.forget();
  const { stdout } = await server.transport.run(
    verb.replaceAll("-", " "),
    runnerArgv(runner, verb),
    {
      stdin: JSON.stringify(request),
      timeout: TIMEOUT,
    },
  );
  return stdout;
}
