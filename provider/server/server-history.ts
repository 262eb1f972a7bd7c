/** The past of an instance, as its own ledger has it, and what can be gone back to. */
import { volumeNames } from "../../common/volume-names.ts";
import { UserError } from "../../common/errors.ts";
import type { HistoryRequest, InstanceHistory } from "../../updater/history-protocol.ts";
import { historySchema } from "./history-schemas.ts";
import { readAnswer } from "./answers.ts";
import { ifInstalled } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";
import type { Runner } from "./runner.ts";

/** Comparing two databases reads all of their tables. */
const TIMEOUT = 30 * 60_000;

/**
 * Reads the history. The programs of this version are put on the server where they are missing; nothing
 * else is changed.
 *
 * @param compareWith the name of a kept database, to have counted what it lacks
 * @throws UserError where the server has no instance
 */
export async function historyOf(
  server: RemoteServer,
  tell: (text: string) => void,
  compareWith?: string,
): Promise<InstanceHistory> {
  const { hasInstance } = await server.facts();
  if (!hasInstance)
    throw new UserError(
      `There is no history: ${server.target} has no instance in ${server.place.directory}. Deploy one with ` +
        'pulumi up, or point "server" at the right one.',
    );
  return read(server, await server.install(tell), compareWith);
}

/** The same for a preview, which installs nothing; undefined where this version's programs are not there yet. */
export function historyIfInstalled(server: RemoteServer): Promise<InstanceHistory | undefined> {
  return ifInstalled(server, "history", (runner) => read(server, runner));
}

async function read(
  server: RemoteServer,
  runner: Runner,
  compareWith?: string,
): Promise<InstanceHistory> {
  const { directory, project, volumes } = server.place;
  const request: HistoryRequest = {
    ...{ directory, project },
    filesVolume: volumes[1] ?? volumeNames(project).files,
    ...(compareWith === undefined ? {} : { compareWith }),
  };
  const { stdout } = await server.ask(
    "read the instance's history",
    runner,
    { verb: "history" },
    { stdin: JSON.stringify(request), timeout: TIMEOUT },
  );
  return readAnswer(historySchema, stdout, server.answerTo("history"));
}
