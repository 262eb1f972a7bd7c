/** A chat that something else deployed: looked for, taken over, and let go. */
import type * as z from "zod";
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
import { askUpdater, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";

/** The lock of submissions may be waited for; an image is labelled, and flushed. */
const TIMEOUT = 10 * 60_000;

/** Changes nothing but that the updater is sent. */
export async function lookForChatOn(server: RemoteServer, tell: Tell): Promise<LookAnswer> {
  const { directory, project } = server.place;
  const request: LookRequest = { protocol: PROTOCOL, directory, project };
  return ask(server, "look-for-chat", lookSchema, request, tell);
}

export async function adoptOn(
  server: RemoteServer,
  request: AdoptRequest,
  tell: Tell,
): Promise<AdoptAnswer> {
  return ask(server, "adopt", adoptSchema, request, tell);
}

export async function forgetOn(server: RemoteServer, tell: Tell): Promise<ForgetAnswer> {
  const request: ForgetRequest = { protocol: PROTOCOL, directory: server.place.directory };
  return ask(server, "forget", forgetSchema, request, tell);
}

async function ask<Answer>(
  server: RemoteServer,
  verb: "look-for-chat" | "adopt" | "forget",
  schema: z.ZodType<Answer>,
  request: LookRequest | AdoptRequest | ForgetRequest,
  tell: Tell,
): Promise<Answer> {
  const label = verb.replaceAll("-", " ");
  const answer = await askUpdater(server, { label, verb, request, timeout: TIMEOUT }, tell);
  return readAnswer(schema, answer, server.answerTo("answer"));
}
