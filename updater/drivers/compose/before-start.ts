/** What a project has before the containers of a release are made. */
import { nameExists } from "../../files.ts";
import type { ContainerFacts } from "../../protocol.ts";
import { MAIN_SERVICE } from "../../../release/compose-file.ts";
import type { ServiceFacts } from "../driver.ts";
import {
  containerOf,
  docker,
  type DockersContainer,
  isUnfinished,
  listContainers,
  rawContainers,
} from "./docker.ts";
import { servicesOf } from "./look.ts";

/** What was there, read with one list. */
export interface Before {
  server?: ContainerFacts;
  /** The containers beside the server. */
  services: ServiceFacts[];
}

/**
 * Removes the containers that would be in the way of a start, and tells which are there.
 *
 * @param releases the folder with the files of our releases
 */
export async function clearForStart(project: string, releases: string): Promise<Before> {
  const listed = await listContainers(project);
  const unfinished = listed.filter(isUnfinished);
  // Compose, interrupted, leaves what it had not finished; its next run would trip over that.
  if (unfinished.length > 0)
    await docker("remove containers that were never started", [
      ...["rm", ...unfinished.map(({ id }) => id)],
    ]);
  const whole = listed.filter((container) => !isUnfinished(container));
  const found = await rawContainers(whole.map(({ id }) => id));
  const serverId = whole.find(({ service }) => service === MAIN_SERVICE)?.id;
  const server = found.find(({ Id }) => Id === serverId);
  for (const container of found)
    if (await lacksFile(container, releases))
      await docker("remove a container whose files are gone", ["rm", container.Id]);
  return {
    services: servicesOf(whole),
    ...(server === undefined ? {} : { server: containerOf(server).facts }),
  };
}

/**
 * A stopped container never starts again that lacks a file of ours which it mounts. To Compose it is as it
 * should be: the place of such a file is no part of the digest of a definition (measured).
 */
async function lacksFile({ State, Mounts }: DockersContainer, releases: string): Promise<boolean> {
  if (State.Running) return false;
  const own = Mounts.filter(({ Source }) => Source.startsWith(`${releases}/`));
  const isThere = await Promise.all(own.map(({ Source }) => nameExists(Source)));
  return isThere.includes(false);
}
