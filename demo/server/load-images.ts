import { docker, run, type Report } from "../commands.ts";
import type { BaseImage } from "../images/index.ts";
import { imageId } from "../images/store.ts";

/**
 * Puts images into the server's own docker daemon, under the names that the sample uses, so that a
 * build and a start there pull nothing.
 */
export async function loadImages(
  container: string,
  images: readonly BaseImage[],
  report: Report,
): Promise<void> {
  const missing: BaseImage[] = [];
  for (const image of images) {
    if ((await innerId(container, image.name)) !== (await imageId(image.reference))) {
      missing.push(image);
    }
  }
  if (missing.length === 0) return;
  report(`loading ${missing.map((image) => image.name).join(" and ")} into the server`);
  const references = missing.map((image) => image.reference);
  // One stream for all of them: what they share is sent once.
  await run(
    "load images into the demo server",
    [
      "bash",
      "-c",
      'set -o pipefail; container="$1"; shift; docker save "$@" | docker exec -i "$container" docker load --quiet',
      "load",
      container,
      ...references,
    ],
    { timeout: 300_000 },
  );
  for (const image of missing.filter((image) => image.reference !== image.name)) {
    await inner(container, ["tag", image.reference, image.name]);
    await inner(container, ["rmi", image.reference]);
  }
}

async function innerId(container: string, name: string): Promise<string> {
  const found = await docker(
    `look for ${name} on the demo server`,
    ["exec", container, "docker", "image", "inspect", "--format", "{{.Id}}", name],
    { timeout: 30_000, acceptedExitCodes: [0, 1] },
  );
  return found.stdout.trim();
}

async function inner(container: string, argv: readonly string[]): Promise<void> {
  await docker("name an image on the demo server", ["exec", container, "docker", ...argv], {
    timeout: 60_000,
  });
}
