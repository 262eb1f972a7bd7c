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
import type { RemoteServer } from "./remote-server.ts";

/** The lock of submissions may be waited for; an image is labelled, and flushed. */
const TIMEOUT = 10 * 60_000;

/** Gets what is told of the sending of the updater, where that is needed. */
type Tell = (text: string) => void;

/** Changes nothing but that the updater is sent. */
export async function lookForChatOn(server: RemoteServer, tell: Tell): Promise<LookAnswer> {
  const { directory, project } = server.place;
  const request: LookRequest = { protocol: PROTOCOL, directory, project };
  return ask<LookAnswer>(server, "look-for-chat", request, tell);
}

export async function adoptOn(
  server: RemoteServer,
  request: AdoptRequest,
  tell: Tell,
): Promise<AdoptAnswer> {
  return ask<AdoptAnswer>(server, "adopt", request, tell);
}

export async function forgetOn(server: RemoteServer, tell: Tell): Promise<ForgetAnswer> {
  const request: ForgetRequest = { protocol: PROTOCOL, directory: server.place.directory };
  return ask<ForgetAnswer>(server, "forget", request, tell);
}

async function ask<Answer>(
  server: RemoteServer,
  verb: "look-for-chat" | "adopt" | "forget",
  request: LookRequest | AdoptRequest | ForgetRequest,
  tell: Tell,
): Promise<Answer> {
  const { node, updater } = await server.install(tell);
  server.forget();
  const { stdout } = await server.transport.run(verb.replaceAll("-", " "), [node, updater, verb], {
    stdin: JSON.stringify(request),
    timeout: TIMEOUT,
  });
  return JSON.parse(stdout) as Answer;
}
