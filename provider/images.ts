/** Where a release's images come from, as the settings say it and as the updater is asked for it. */
import { imageCandidates, publishedImage } from "../release/published-image.ts";
import type { ImageSettings } from "../settings/parse.ts";
import type { ImageOrder } from "../updater/protocol.ts";

/** How a prepare job gets the images, in the order in which it is tried. */
export type ImageAttempt = { order: ImageOrder; sendFirst: boolean };

/**
 * The attempts to get a release's images. There are two for `auto` with `buildOn: here`: only the
 * server can tell whether the published image is the right one.
 */
export function imageAttempts(
  settings: ImageSettings,
  repository: string,
  release: { name: string; commit: string },
): ImageAttempt[] {
  const { image, buildOn, memoryBytes, cacheBytes } = settings;
  const limits = {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
  };
  const published = ["auto", "pull"].includes(image) ? publishedImage(repository) : image;
  const references =
    image === "build" || published === undefined ? [] : imageCandidates(published, release);
  const pull: ImageAttempt = { order: { source: "pull", references, ...limits }, sendFirst: false };
  const build: ImageAttempt =
    buildOn === "here"
      ? { order: { source: "sent", references: [] }, sendFirst: true }
      : { order: { source: "build", references: [], ...limits }, sendFirst: false };
  if (image === "build" || (image === "auto" && references.length === 0)) return [build];
  if (image !== "auto") return [pull];
  return buildOn === "here"
    ? [pull, build]
    : [{ order: { source: "auto", references, ...limits }, sendFirst: false }];
}

/** Whether a build of the server's image may become necessary, and where. */
export function buildPlace({ image, buildOn }: ImageSettings): "server" | "here" | "nowhere" {
  return image === "build" || image === "auto" ? buildOn : "nowhere";
}
