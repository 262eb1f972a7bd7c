/** The images beside the server's own, for `chatalot updates`: what runs, and what the registries have now. */
import { printableLine } from "../../release/printable.ts";
import type { SideImageFacts } from "../../updater/side-images-protocol.ts";
import { shortDigest } from "../../updater/texts.ts";
import { table } from "../table.ts";

/** A newer image that can be asked for. */
export type NewerImage = SideImageFacts & { newest: NonNullable<SideImageFacts["newest"]> };

/** Those that `update --side-images` takes: another major version of PostgreSQL would not read the data. */
export function newerImages(images: readonly SideImageFacts[]): NewerImage[] {
  return images.filter(
    (image): image is NewerImage =>
      image.isNewer && image.isSettable && image.newest !== undefined && !hasOtherMajor(image),
  );
}

/** By service: what the setting `sideImages` has to be for them. */
export function pinsOf(images: readonly NewerImage[]): Record<string, string> {
  return Object.fromEntries(
    images.map(({ service, image, newest }) => [service, `${image}@${newest.digest}`]),
  );
}

/** `postgres postgres:17 a1b2… -> c3d4…`, one line for each. */
export function describePins(images: readonly NewerImage[]): string {
  return images
    .map(
      ({ service, image, runs = "", newest }) =>
        `${service} ${image} ${shortDigest(runs)} -> ${shortDigest(newest.digest)}`,
    )
    .join("\n");
}

/** For people; empty where there are none. */
export function describeSideImages(images: readonly SideImageFacts[]): string {
  if (images.length === 0) return "";
  const rows = images.map((image) => [
    image.service,
    image.image,
    image.runs === undefined ? "not of a registry" : shortDigest(image.runs),
    newestText(image),
    image.newest?.madeAt?.slice(0, 10) ?? "",
    noteOf(image),
  ]);
  const newer = newerImages(images);
  return [
    "Images beside the server's own:",
    ...table([["SERVICE", "IMAGE", "RUNS", "NEWEST", "SINCE", ""], ...rows]).map(
      (line) => `  ${line}`,
    ),
    ...images.flatMap(({ image, problem }) =>
      problem === undefined ? [] : [`  ${image}: ${printableLine(problem)}`],
    ),
    "",
    newer.length === 0
      ? "None of them is updated but by a release."
      : "Update them: npx chatalot update --side-images",
  ].join("\n");
}

function newestText({ newest, isNewer }: SideImageFacts): string {
  if (newest === undefined) return "not known";
  return isNewer ? shortDigest(newest.digest) : "the same";
}

function noteOf(image: SideImageFacts): string {
  if (image.newest === undefined || image.runs === undefined) return "";
  if (!image.isNewer) return "";
  if (hasOtherMajor(image))
    return (
      `PostgreSQL ${image.newest.postgresMajor}, not ${image.postgresMajor}: would not read the data; ` +
      "see npx chatalot upgrade-database"
    );
  return image.isSettable ? "newer" : "newer; the release or your override file decides it";
}

function hasOtherMajor({ postgresMajor, newest }: SideImageFacts): boolean {
  const next = newest?.postgresMajor;
  return postgresMajor !== undefined && next !== undefined && next !== postgresMajor;
}
