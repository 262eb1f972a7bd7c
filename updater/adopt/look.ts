/** Looks for a chat that something else deployed. Changes nothing. */
import { join } from "node:path";
import { parseEnv } from "node:util";
import { DATABASE_SERVICE } from "../../release/compose-file.ts";
import { findRunningChat, type RunningChat } from "../drivers/compose/found-chat.ts";
import { readFileIfThere } from "../files.ts";
import { readInstance } from "../instance.ts";
import { type InstancePaths, instancePaths } from "../paths.ts";
import { checkedOutCommit } from "./checked-out.ts";
import type { LookAnswer, LookRequest } from "./protocol.ts";

export async function lookForChat(request: LookRequest): Promise<LookAnswer> {
  const paths = instancePaths(request.directory);
  const chat = await chatToAdopt(paths, request.project);
  if (typeof chat === "string") return { answer: "refused", reasons: [chat] };
  const { directory, listen, services, databaseVolume, filesVolume } = chat;
  const [commit, text] = await Promise.all([
    commitOf(chat),
    readFileIfThere(join(directory, ".env")),
  ]);
  const variables = parseEnv(text ?? "") as Record<string, string>;
  const { environment } = chat.server;
  return {
    answer: "found",
    chat: {
      directory,
      ...(commit === undefined ? {} : { commit }),
      ...(listen === undefined ? {} : { listen }),
      ...(databaseVolume === undefined ? {} : { databaseVolume }),
      ...(filesVolume === undefined ? {} : { filesVolume }),
      variables,
      effective: Object.keys(variables).filter((name) => environment.get(name) === variables[name]),
      services: [...services.keys()].filter((service) => service !== DATABASE_SERVICE),
    },
  };
}

/** A container that this tool made once names it; else it is what is checked out beside it. */
export async function commitOf({ server, directory }: RunningChat): Promise<string | undefined> {
  return server.facts.commit ?? (await checkedOutCommit(directory));
}

/** @returns why there is nothing to take over */
export async function chatToAdopt(
  paths: InstancePaths,
  project: string,
): Promise<RunningChat | string> {
  if ((await readInstance(paths)) !== undefined)
    return (
      `There is nothing to take over: ${paths.directory} holds an instance of this tool already. ` +
      "Run pulumi up, which finds it."
    );
  const chat = await findRunningChat(project);
  if (typeof chat === "string")
    return (
      `There is nothing to take over: ${chat}. Start it with docker compose up -d, or set "project" to the ` +
      "name that docker compose ls shows."
    );
  return chat;
}
