/** The images beside the server's own, as a server runs them and as their registries have them now. */
import type { SideImageFacts, SideImagesRequest } from "../../updater/side-images-protocol.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import { readAnswer } from "./answers.ts";
import { ifInstalled } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";
import type { Runner } from "./runner.ts";
import { sideImagesSchema } from "./side-images-schema.ts";

/** The updater waits for some registries at a time, each for a quarter of a minute at most. */
const TIMEOUT = 3 * 60_000;

/**
 * What each service runs from, and what its registry has under the same tag. The programs of this version are
 * put on the server where they are missing; nothing else is changed, and nothing is downloaded.
 *
 * @returns empty where nothing serves
 */
export async function sideImagesOn(
  server: RemoteServer,
  tell: (text: string) => void,
): Promise<SideImageFacts[]> {
  const { hasInstance } = await server.facts();
  return hasInstance ? read(server, await server.install(tell), true) : [];
}

/**
 * What each service runs from, for a preview: it installs nothing and asks no registry. Undefined where this
 * version's programs are not there yet.
 */
export function runningSideImages(server: RemoteServer): Promise<SideImageFacts[] | undefined> {
  return ifInstalled(server, "side images", (runner) => read(server, runner, false));
}

async function read(
  server: RemoteServer,
  runner: Runner,
  registries: boolean,
): Promise<SideImageFacts[]> {
  const { directory } = server.place;
  const request: SideImagesRequest = { protocol: PROTOCOL, directory, registries };
  const { stdout } = await server.ask(
    "read the images beside the server's own",
    runner,
    { verb: "side-images" },
    { stdin: JSON.stringify(request), timeout: TIMEOUT },
  );
  return readAnswer(sideImagesSchema, stdout, server.answerTo("list of images")).images;
}
