/** What the services beside the server run from, and what a release would have them run from. */
import type { ImageChange, RenderedRelease, SideImage } from "../driver.ts";
import { inspectContainers, inspectImage, listContainers } from "./docker.ts";
import type { ComposeProject } from "./project.ts";
import { MAIN_SERVICE } from "../../../release/compose-file.ts";

/** Where PostgreSQL's own image says which data it reads. */
export const POSTGRES_MAJOR = "PG_MAJOR";

/**
 * The services with a container now that the release has run from another image, or from one that it names in
 * another way: either makes the container anew.
 */
export async function imageChanges(
  compose: ComposeProject,
  release: RenderedRelease,
): Promise<ImageChange[]> {
  const [references, containers] = await Promise.all([
    compose.imageOfEach(release),
    listContainers(compose.name),
  ]);
  const others = containers.filter(({ service }) => service !== MAIN_SERVICE);
  const inspected = await inspectContainers(others.map(({ id }) => id));
  const changes = others.map(async ({ id, service }): Promise<ImageChange | undefined> => {
    const found = inspected.find(({ facts }) => facts.id === id);
    const reference = references.get(service);
    if (found === undefined || reference === undefined) return undefined;
    const from = sideImage(found.image, found.facts.imageId, found.environment);
    const to = await wantedImage(reference);
    if (from.reference === to.reference && from.id === to.id) return undefined;
    return { service, from, to, ...(found.facts.running ? {} : { isStopped: true }) };
  });
  return (await Promise.all(changes)).filter((change) => change !== undefined);
}

async function wantedImage(reference: string): Promise<SideImage> {
  const found = await inspectImage(reference);
  return sideImage(reference, found?.id, found?.environment);
}

function sideImage(
  reference: string,
  id: string | undefined,
  environment?: ReadonlyMap<string, string>,
): SideImage {
  const postgresMajor = environment?.get(POSTGRES_MAJOR);
  return {
    reference,
    ...(id === undefined ? {} : { id }),
    ...(postgresMajor === undefined ? {} : { postgresMajor }),
  };
}
