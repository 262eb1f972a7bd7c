/** Images of a commit: built from its tree, tagged and labelled with the commit. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { imageFor, imagesToBuild } from "../../../release/compose-file.ts";
import type { BuildOptions } from "../driver.ts";
import { COMMIT_LABEL, docker, inspectImage } from "./docker.ts";

/** A cold build of the real server takes 10 to 30 minutes on a small machine. */
const BUILD_TIMEOUT = 90 * 60_000;

const COMPOSE_FILE_NAMES = [
  "compose.yaml",
  "compose.yml",
  "docker-compose.yml",
  "docker-compose.yaml",
];

/** The tag of a commit's server image. Other images of the commit are named after it. */
export function imageName(project: string, commit: string): string {
  return `chatalot-deploy/${project}:${commit}`;
}

/** The compose file of a release's tree. */
export async function readComposeFile(tree: string): Promise<string> {
  for (const name of COMPOSE_FILE_NAMES) {
    try {
      return await readFile(join(tree, name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error(`${tree} has none of ${COMPOSE_FILE_NAMES.join(", ")}`);
}

/** Builds what is not there yet and says what it built. */
export async function buildImages(
  project: string,
  { release, tree, onLine }: BuildOptions,
): Promise<string[]> {
  const built: string[] = [];
  const main = imageName(project, release.commit);
  for (const wanted of imagesToBuild(await readComposeFile(tree))) {
    const name = imageFor(main, release.commit, wanted.service);
    if ((await inspectImage(name))?.commit === release.commit) continue;
    await docker(
      `build the image of service ${wanted.service}`,
      [
        ...["buildx", "build", "--load", "--progress", "plain"],
        // With attestations an image's id changes when it is loaded again (containerd store).
        ...["--provenance=false", "--sbom=false"],
        ...["--tag", name, "--label", `${COMMIT_LABEL}=${release.commit}`],
        ...["--file", join(tree, wanted.dockerfile)],
        ...(wanted.target === undefined ? [] : ["--target", wanted.target]),
        ...Object.entries(wanted.args).flatMap(([key, value]) => [
          "--build-arg",
          `${key}=${value}`,
        ]),
        join(tree, wanted.context),
      ],
      { timeout: BUILD_TIMEOUT, onLine },
    );
    const image = await inspectImage(name);
    if (image?.commit !== release.commit)
      throw new Error(
        `the build of service ${wanted.service} ended well, but ${name} is ${image === undefined ? "not there" : `labelled ${image.commit ?? "with no commit"}`}`,
      );
    built.push(name);
  }
  return built;
}
