/** Images of a commit, whatever they come from: tagged and labelled with the commit. */
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../common/errors.ts";
import {
  imageFor,
  imagesToBuild,
  MAIN_SERVICE,
  type ImageToBuild,
} from "../../../release/compose-file.ts";
import type { ImageOptions, ImageResult } from "../driver.ts";
import {
  endBuildGroup,
  isMemoryFailure,
  makeBuildGroup,
  memoryError,
  metItsLimit,
} from "./build-memory.ts";
import { isDiskFull } from "../../freeable.ts";
import { buildArguments } from "./build-arguments.ts";
import { docker, inspectImage } from "./docker.ts";
import { damageOf, removeDamaged } from "./image-damage.ts";
import { pullImage } from "./image-pull.ts";

/** A cold build of the real server takes 10 to 30 minutes on a small machine. */
const BUILD_TIMEOUT = 90 * 60_000;

/** Removing gigabytes of small files takes its time on a slow disk. */
const PRUNE_TIMEOUT = 10 * 60_000;

const COMPOSE_FILE_NAMES = [
  "compose.yaml",
  "compose.yml",
  "docker-compose.yml",
  "docker-compose.yaml",
];

/** What the names of all images of releases begin with. */
export const OWN_IMAGES = "chatalot-deploy/";

/** The tag of a commit's server image. Other images of the commit are named after it. */
export function imageName(project: string, commit: string): string {
  return `${OWN_IMAGES}${project}:${commit}`;
}

/** The names of all images that a release has for a project; without its tree only the server's. */
export async function ownImages(
  project: string,
  { commit, tree }: { commit: string; tree: string },
): Promise<string[]> {
  const main = imageName(project, commit);
  const wanted = await readComposeFile(tree)
    .then(imagesToBuild)
    .catch(() => []);
  return [...new Set([main, ...wanted.map(({ service }) => imageFor(main, commit, service))])];
}

/** The compose file of a release's tree. */
export async function readComposeFile(tree: string): Promise<string> {
  for (const name of COMPOSE_FILE_NAMES) {
    try {
      const path = join(tree, name);
      // As on the operator's side, or another file would be deployed than the preview has compared.
      if (!(await lstat(path)).isFile()) continue;
      return await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error(`${tree} has none of ${COMPOSE_FILE_NAMES.join(", ")}`);
}

/**
 * Gets the images that are not there yet, or not whole. Only service `chatalot` has a published one.
 */
export async function getImages(project: string, options: ImageOptions): Promise<ImageResult> {
  const { release, tree } = options;
  const main = imageName(project, release.commit);
  const missing: ImageToBuild[] = [];
  const damaged: string[] = [];
  for (const wanted of imagesToBuild(await readComposeFile(tree))) {
    const name = imageFor(main, release.commit, wanted.service);
    if (!(await isUsable(name, release.commit))) missing.push(wanted);
    else if (await removedAsDamaged(name, options)) {
      damaged.push(name);
      missing.push(wanted);
    }
  }
  if (missing.length === 0) return { built: [] };
  const result = await getMissing(main, missing, damaged.length > 0, options);
  for (const name of damaged) await refuseDamaged(name);
  return result;
}

/** Whether an image that is listed could not be read, and is not listed any more. */
async function removedAsDamaged(name: string, { tell }: ImageOptions): Promise<boolean> {
  const damage = await damageOf(name);
  if (damage === undefined) return false;
  tell(
    `${name} is listed, but not whole, as after a loss of power: ${damage}. It is got once more.`,
  );
  await removeDamaged(name);
  return true;
}

/** An image that is still not whole shares layers with others, which only a person should remove. */
async function refuseDamaged(name: string): Promise<void> {
  const damage = await damageOf(name);
  if (damage === undefined) return;
  await removeDamaged(name);
  throw new Error(
    `${name} was got once more and is not whole either: ${damage}. It shares damaged layers with another ` +
      "image or with the build cache. Run docker buildx prune --all on the server, then pulumi up again",
  );
}

async function getMissing(
  main: string,
  missing: readonly ImageToBuild[],
  isAnew: boolean,
  options: ImageOptions,
): Promise<ImageResult> {
  const { order, tell } = options;
  if (order.source === "sent") throw new Error(await whatArrived(main, options, missing));

  const isWanted = missing.some(({ service }) => service === MAIN_SERVICE);
  const pulled = isWanted ? await pullIfWanted(main, options) : undefined;
  if (pulled !== undefined) tell(`pulled ${pulled}, labelled with the commit; nothing was built`);
  const toBuild = missing.filter(({ service }) => service !== MAIN_SERVICE || pulled === undefined);
  return {
    built: await buildImages(main, toBuild, isAnew, options),
    ...(pulled === undefined ? {} : { pulled }),
  };
}

async function isUsable(name: string, commit: string): Promise<boolean> {
  return (await inspectImage(name))?.commit === commit;
}

/** What is wrong with images that the operator's side says it has sent. */
async function whatArrived(
  main: string,
  { release }: ImageOptions,
  missing: readonly ImageToBuild[],
): Promise<string> {
  const names = missing.map(({ service }) => imageFor(main, release.commit, service));
  return `the image did not arrive: ${names.join(", ")} is not on the server with the label ${release.commit}. Run pulumi up again`;
}

/** The reference that the server's image was pulled from; undefined where it has to be built. */
async function pullIfWanted(main: string, options: ImageOptions): Promise<string | undefined> {
  const { order, tell } = options;
  if (order.source === "build") return undefined;
  try {
    return await pullImage(main, options);
  } catch (error) {
    if (order.source === "pull") throw error;
    tell(`no published image: ${messageOf(error)} So it is built.`);
    return undefined;
  }
}

async function buildImages(
  main: string,
  toBuild: readonly ImageToBuild[],
  isAnew: boolean,
  options: ImageOptions,
): Promise<string[]> {
  const { release, order } = options;
  const built: string[] = [];
  const group =
    toBuild.length === 0 || order.memoryBytes === undefined
      ? undefined
      : await makeBuildGroup(order.memoryBytes);
  try {
    for (const wanted of toBuild) {
      const name = imageFor(main, release.commit, wanted.service);
      await buildImage(name, { wanted, isAnew, group }, options);
      built.push(name);
    }
  } finally {
    if (group !== undefined) await endBuildGroup(group);
    // A failed build leaves cache, too.
    if (toBuild.length > 0) await limitCache(options);
  }
  return built;
}

async function buildImage(
  name: string,
  build: { wanted: ImageToBuild; isAnew: boolean; group: string | undefined },
  { release, tree, order, onLine }: ImageOptions,
): Promise<void> {
  const { wanted, isAnew, group } = build;
  let wasKilled = false;
  let wasFull = false;
  try {
    await docker(
      `build the image of service ${wanted.service}`,
      buildArguments({
        name,
        commit: release.commit,
        tree,
        wanted,
        isAnew,
        ...(group === undefined ? {} : { group }),
      }),
      {
        timeout: BUILD_TIMEOUT,
        onLine: (line) => {
          wasKilled ||= isMemoryFailure(line);
          wasFull ||= isDiskFull(line);
          onLine(line);
        },
      },
    );
  } catch (error) {
    // The line that says so may be far above the end that the error shows.
    if (wasFull)
      throw new Error(`a build found no space left on device. ${messageOf(error)}`, {
        cause: error,
      });
    const metLimit = group !== undefined && (await metItsLimit(group));
    throw wasKilled || metLimit ? memoryError(error, order.memoryBytes, wasKilled) : error;
  }
  const image = await inspectImage(name);
  if (image?.commit !== release.commit)
    throw new Error(
      `the build of service ${wanted.service} ended well, but ${name} is ${image === undefined ? "not there" : `labelled ${image.commit ?? "with no commit"}`}`,
    );
}

/** Removes build cache beyond the wanted size, the oldest first. A failure is told, not more. */
async function limitCache({ order, tell }: ImageOptions): Promise<void> {
  if (order.cacheBytes === undefined) return;
  const prune = (option: string): Promise<string> =>
    docker(
      "remove old build cache",
      ["buildx", "prune", "--force", option, String(order.cacheBytes)],
      { timeout: PRUNE_TIMEOUT },
    );
  try {
    // Since buildx 0.17 the first one has another name, and may be gone one day.
    await prune("--keep-storage").catch(() => prune("--max-used-space"));
  } catch (error) {
    tell(`the build cache could not be limited: ${messageOf(error)}`);
  }
}
