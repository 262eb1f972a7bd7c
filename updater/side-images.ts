/** What the services beside the server run from, and what the registries have under the same tags now. */
import { join } from "node:path";
import { messageOf } from "../common/errors.ts";
import { parseServiceImage } from "../common/image-reference.ts";
import { MAIN_SERVICE } from "../release/compose-file.ts";
import { type SideImages, sideImagesOf, withDatabaseImage } from "../release/side-images.ts";
import { inspectContainers, inspectImages, listContainers } from "./drivers/compose/docker.ts";
import { OWN_IMAGES, readComposeFile } from "./drivers/compose/image.ts";
import { POSTGRES_MAJOR } from "./drivers/compose/other-images.ts";
import { describeImage, digestOf } from "./drivers/compose/registry.ts";
import { readInstance } from "./instance.ts";
import { Ledger } from "./ledger.ts";
import { instancePaths } from "./paths.ts";
import { PROTOCOL } from "./protocol.ts";
import type {
  NewestImage,
  SideImageFacts,
  SideImagesAnswer,
  SideImagesRequest,
} from "./side-images-protocol.ts";

/** How many registries are asked at once: a small server has a small line. */
const AT_ONCE = 4;

/** What a registry says, or why it says nothing. */
export type Answer = { newest: NewestImage } | { problem: string };

/** A service's container, with what is known here of its image. */
export interface RunningImage {
  service: string;
  /** As the container was made: `postgres:17`, or with a digest. */
  reference: string;
  /** What registries call its image, `postgres@sha256:…`. */
  digests: readonly string[];
  postgresMajor?: string;
}

/** Nothing is pulled. A registry that can't be asked is told of, and is no failure. */
export async function readSideImages(request: SideImagesRequest): Promise<SideImagesAnswer> {
  const paths = instancePaths(request.directory);
  const instance = await readInstance(paths);
  const serving = (await Ledger.read(paths)).serving;
  const commit = serving?.release?.commit;
  if (instance === undefined || commit === undefined) return { protocol: PROTOCOL, images: [] };
  const [running, own] = await Promise.all([
    runningImages(instance.project),
    readComposeFile(join(paths.trees, commit))
      .then(sideImagesOf)
      .then((images) => withDatabaseImage(images, serving?.serving?.postgres?.image)),
  ]);
  const answers = request.registries ? await askRegistries(running) : new Map<string, Answer>();
  return {
    protocol: PROTOCOL,
    images: running.flatMap((image) => factsOf(image, own, answers) ?? []),
  };
}

async function runningImages(project: string): Promise<RunningImage[]> {
  const containers = (await listContainers(project)).filter(
    ({ service }) => service !== MAIN_SERVICE,
  );
  const inspected = await inspectContainers(containers.map(({ id }) => id));
  const images = await inspectImages([...new Set(inspected.map(({ facts }) => facts.imageId))]);
  return containers
    .flatMap(({ id, service }): RunningImage[] => {
      const found = inspected.find(({ facts }) => facts.id === id);
      if (found === undefined || found.image.startsWith(OWN_IMAGES)) return [];
      const postgresMajor = found.environment.get(POSTGRES_MAJOR);
      return [
        {
          ...{ service, reference: found.image },
          digests: images.find((image) => image.id === found.facts.imageId)?.digests ?? [],
          ...(postgresMajor === undefined ? {} : { postgresMajor }),
        },
      ];
    })
    .sort((a, b) => (a.service < b.service ? -1 : 1));
}

/** `name:tag`; undefined for what has no tag, or is no image of a registry. */
function taggedName(reference: string): string | undefined {
  const parsed = parseServiceImage(reference);
  return parsed?.tag === undefined ? undefined : `${parsed.name}:${parsed.tag}`;
}

/** Each image once, some at the same time. */
async function askRegistries(running: readonly RunningImage[]): Promise<Map<string, Answer>> {
  const waiting = [...new Set(running.flatMap(({ reference }) => taggedName(reference) ?? []))];
  const answers = new Map<string, Answer>();
  const known = new Set(running.flatMap(({ digests }) => digests.map(digestIn)));
  const work = async (): Promise<void> => {
    for (let image = waiting.shift(); image !== undefined; image = waiting.shift())
      answers.set(image, await ask(image, known));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

/** What runs already is not asked for again: registries count questions. */
async function ask(image: string, known: ReadonlySet<string>): Promise<Answer> {
  try {
    const digest = await digestOf(image);
    return { newest: known.has(digest) ? { digest } : await describeImage(image, digest) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** The digest of `name@sha256:…`. */
function digestIn(name: string): string {
  return name.slice(name.indexOf("@") + 1);
}

/**
 * @param own the images of the release's compose file that can be given a digest, by service
 * @param answers by `name:tag`
 */
export function factsOf(
  { service, reference, digests, postgresMajor }: RunningImage,
  own: SideImages,
  answers: ReadonlyMap<string, Answer>,
): SideImageFacts | undefined {
  const image = taggedName(reference);
  if (image === undefined) return undefined;
  const pulled = digests.map(digestIn);
  const given = parseServiceImage(reference)?.digest?.slice(1);
  const runs = given ?? pulled[0];
  const answer = answers.get(image);
  const { newest, problem }: Partial<SideImageFacts> = answer ?? {};
  return {
    ...{ service, image },
    ...(runs === undefined ? {} : { runs }),
    ...(postgresMajor === undefined ? {} : { postgresMajor }),
    ...(newest === undefined ? {} : { newest }),
    isNewer: newest !== undefined && runs !== undefined && !isAmong(newest, [...pulled, runs]),
    isSettable: own[service] === image,
    ...(problem === undefined ? {} : { problem }),
  };
}

function isAmong({ digest }: NewestImage, digests: readonly string[]): boolean {
  return digests.includes(digest);
}
