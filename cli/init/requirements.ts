/** Whether the server meets the requirements, by the same rules as `pulumi up`. */
import { isReachedByRunner } from "../../common/runner-rule.ts";
import { volumeNames } from "../../common/volume-names.ts";
import { preflight } from "../../provider/host.ts";
import { instanceRefusals } from "../../provider/place.ts";
import { RemoteServer, UpdaterGoneError } from "../../provider/server/remote-server.ts";
import { installable } from "../../provider/server/requirements.ts";
import type { Settings } from "../../settings/parse.ts";
import type { ServerAddress } from "../../transport/index.ts";
import type { Interview } from "./interview.ts";
import { choice, listenQuestion, yesOrNo } from "./questions.ts";

/** What is chosen together with the check of the server. */
export interface Place {
  listen: Settings["listen"];
  prepareServer: boolean;
}

/** The same names on every server: they are the defaults of the settings. */
export interface Where {
  server: ServerAddress | null;
  directory: string;
  project: string;
}

/**
 * Asks where to listen and checks the server, until it meets every requirement or the operator
 * wants the stack all the same.
 */
export async function askPlace(interview: Interview, where: Where): Promise<Place> {
  let listen = await interview.answer(listenQuestion);
  const { check, prepareServer = false } = interview.flags;
  if (!check) return { listen, prepareServer };
  for (;;) {
    const result = await checkServer(interview, where, listen);
    if (result.failures.length === 0) return { listen, prepareServer: result.prepareServer };
    interview.failed(
      `The server can't run Chatalot yet:\n${result.failures.map((text) => `  - ${text}`).join("\n")}`,
      "listen",
    );
    const next = await interview.answer(
      choice(
        "What now (again, listen, write)",
        "again: you have mended it, look again. listen: choose another port. write: write the stack " +
          "all the same; pulumi preview and pulumi up refuse until it is mended.",
        ["again", "listen", "write"],
      ),
    );
    if (next === "write") return { listen, prepareServer: result.prepareServer };
    if (next === "listen") listen = await interview.answer(listenQuestion);
  }
}

async function checkServer(
  interview: Interview,
  { server, directory, project }: Where,
  listen: Settings["listen"],
): Promise<{ failures: string[]; prepareServer: boolean }> {
  const place = {
    ...{ server, directory, project, port: listen.port },
    volumes: Object.values(volumeNames(project)),
  };
  const remote = RemoteServer.at(place);
  remote.forget();
  interview.say("Checking the server ...");
  const missing = installable(await remote.facts());
  // Through the runner nothing is installed.
  const canPrepare = missing.length > 0 && !isReachedByRunner(place);
  const prepareServer = canPrepare && (await offerPreparation(interview, missing));
  const { failures, warnings } = await preflight(remote, { directory, listen, prepareServer });
  for (const warning of warnings) interview.say(warning);
  if (failures.length > 0) return { failures, prepareServer };
  const problems = await instanceProblems(interview, remote, place);
  if (problems.length === 0) interview.say("The server meets the requirements.");
  return { failures: problems, prepareServer };
}

function offerPreparation(interview: Interview, missing: string[]): Promise<boolean> {
  const { prepareServer } = interview.flags;
  if (prepareServer !== undefined) return Promise.resolve(prepareServer);
  return interview.answer(
    yesOrNo(
      `${missing.join(" and ")} missing on the server; shall pulumi up install it`,
      "yes sets prepareServer: pulumi up installs what is missing from the distribution's own " +
        "packages, on Debian and Ubuntu. no: install it yourself, then go on here.",
      "yes",
    ),
  );
}

/** An instance that is there already is what `up` goes on with; anything else is refused. */
async function instanceProblems(
  interview: Interview,
  remote: RemoteServer,
  place: object,
): Promise<string[]> {
  try {
    const state = await remote.state();
    if (state.instanceId !== undefined)
      interview.say(
        `The server has instance ${state.instanceId} of this tool already: the new stack will go on with it.`,
      );
    return instanceRefusals({}, { place }, state);
  } catch (error) {
    if (!(error instanceof UpdaterGoneError)) throw error;
    interview.say(error.message);
    return [];
  }
}
