/** A chat that leaves its server: stopped for its last backup, started again, and taken away at the end. */
import type * as z from "zod";
import type { MoveRequest, PauseAnswer, ResumeAnswer } from "../../updater/move/protocol.ts";
import { PROTOCOL, type SubmitAnswer } from "../../updater/protocol.ts";
import { type Afterwards, requester, submit } from "../place.ts";
import type { ResourceContext } from "../resource.ts";
import { pauseSchema, resumeSchema } from "./care-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";

/** Every service may take its half minute to stop, or the server its minute to be healthy. */
const TIMEOUT = 10 * 60_000;

/** Stops all but the database. */
export async function pauseOn(server: RemoteServer, tell: Tell): Promise<PauseAnswer> {
  return ask(server, "pause", pauseSchema, tell);
}

/** Starts what was committed, and waits until it is healthy. */
export async function resumeOn(server: RemoteServer, tell: Tell): Promise<ResumeAnswer> {
  return ask(server, "resume", resumeSchema, tell);
}

/** Takes the containers away; volumes, backups, releases and the ledger stay. */
export async function removeOn(
  context: Pick<ResourceContext, "tell" | "signal">,
  server: RemoteServer,
  instanceId: string | undefined,
  afterwards: Afterwards,
): Promise<SubmitAnswer> {
  const { directory, project, volumes } = server.place;
  return submit(
    context,
    server,
    {
      ...{ protocol: PROTOCOL, kind: "remove", directory, project, volumes },
      requestedBy: requester(),
      ...(instanceId === undefined ? {} : { instanceId }),
    },
    afterwards,
  );
}

async function ask<Answer>(
  server: RemoteServer,
  verb: "pause" | "resume",
  schema: z.ZodType<Answer>,
  tell: Tell,
): Promise<Answer> {
  const { directory } = server.place;
  const request: MoveRequest = { protocol: PROTOCOL, directory };
  const label = `${verb} the chat`;
  const answer = await askUpdater(server, { label, verb, request, timeout: TIMEOUT }, tell);
  return readAnswer(schema, answer, server.answerTo("answer"));
}
