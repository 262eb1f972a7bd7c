/** Published images for the tests: a private registry on the server's own loopback. */
import { execa } from "execa";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { DemoServer } from "../../../demo/server/index.ts";
import { sampleRepository } from "./fixture.ts";
import { COMMIT_LABEL, shell } from "./looks.ts";

const PORT = 5055;

/** Where the registry answers, on the server. */
export const REGISTRY = `127.0.0.1:${PORT}`;
export const PASSWORD = "password-of-the-registry";

const FOLDER = "/var/lib/test-registry";
const CONTAINER = "test-registry";

/** Starts the registry, in a container of the sample's base image, and waits until it answers. */
export async function startRegistry(demo: DemoServer): Promise<void> {
  const program = await readFile(fileURLToPath(new URL("registry.mjs", import.meta.url)));
  await demo.exec(["sh", "-c", `mkdir -p ${FOLDER} && cat > ${FOLDER}/registry.mjs`], {
    timeout: 30_000,
    input: program,
  });
  await shell(
    demo,
    `docker run --detach --name ${CONTAINER} --network host --volume ${FOLDER}:/data:ro \
       node:20-trixie-slim node /data/registry.mjs "$1" "$2" >/dev/null
     for attempt in $(seq 300); do
       bash -c "</dev/tcp/127.0.0.1/$1" 2>/dev/null && exit 0
       sleep 0.1
     done
     exit 1`,
    ...[String(PORT), PASSWORD],
  );
}

/** Ends the registry, and takes what came from it from the server, but for what a container runs from. */
export async function stopRegistry(demo: DemoServer): Promise<void> {
  await shell(
    demo,
    `docker rm --force ${CONTAINER} >/dev/null 2>&1 || true
     docker images --quiet "${REGISTRY}/us/*" | xargs --no-run-if-empty docker rmi --force >/dev/null 2>&1 || true
     rm -rf ${FOLDER} /root/.docker/config.json`,
  );
}

/** Builds a release's image, publishes it under a tag and takes every trace of the build away. */
export async function publish(
  demo: DemoServer,
  tag: string,
  release: string,
  labelledCommit: string,
): Promise<void> {
  const { directory } = await sampleRepository();
  const tree = await execa("git", ["-C", directory, "archive", release], {
    encoding: "buffer",
    timeout: 60_000,
  });
  const unpack = "rm -rf /var/tmp/tree && mkdir /var/tmp/tree && tar -x -C /var/tmp/tree";
  await demo.exec(["sh", "-c", unpack], { timeout: 60_000, input: tree.stdout });
  await shell(
    demo,
    `docker buildx build --quiet --load --provenance=false --tag "published:$1" --label "$2=$3" /var/tmp/tree >/dev/null
     mkdir -p "${FOLDER}/chatalot/$1"
     docker save "published:$1" | tar -x -C "${FOLDER}/chatalot/$1"
     docker rmi "published:$1" >/dev/null
     docker buildx prune --all --force >/dev/null
     rm -rf /var/tmp/tree`,
    ...[tag, COMMIT_LABEL, labelledCommit],
  );
}

/**
 * Publishes an image beside the server's own: one that is on the server, with more lines of a Dockerfile.
 * Its layers' trace is taken away, but for the image that it is made of.
 *
 * @param image `postgres:17`, published as `us/postgres:17`
 * @param lines what makes it another one
 * @returns its digest
 */
export async function publishSideImage(
  demo: DemoServer,
  image: string,
  lines: readonly string[],
): Promise<string> {
  await buildSideImage(demo, image, lines, "published");
  return shell(
    demo,
    `folder="${FOLDER}/$1/$2"
     mkdir -p "$folder"
     docker save published | tar -x -C "$folder"
     docker rmi published >/dev/null
     sed -n 's/.*"manifests":\\[{[^}]*"digest":"\\(sha256:[0-9a-f]*\\)".*/\\1/p' "$folder/index.json"`,
    ...image.split(":"),
  );
}

/**
 * Makes an image beside the server's own on the server alone: one that is there, with more lines of a Dockerfile.
 *
 * @param tag what names it, whatever that named before
 */
export async function buildSideImage(
  demo: DemoServer,
  image: string,
  lines: readonly string[],
  tag: string,
): Promise<void> {
  await demo.exec(
    [
      ...["docker", "buildx", "build", "--quiet", "--load", "--provenance=false"],
      ...[`--tag=${tag}`, "-"],
    ],
    { timeout: 120_000, input: [`FROM ${image}`, ...lines, ""].join("\n") },
  );
}

/** How many entries the server's build cache has. */
export async function buildCacheEntries(demo: DemoServer): Promise<number> {
  return Number(await shell(demo, "docker buildx du --verbose | grep -c '^ID:' || true"));
}
