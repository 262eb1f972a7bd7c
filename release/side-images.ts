/**
 * The images beside the server's own, which a release names by tags that move: which there are, and the
 * digests that the operator has put in their place (the setting `sideImages`).
 */
import { parseServiceImage } from "../common/image-reference.ts";
import { parseCompose, sectionOf, textOf, type Section } from "./compose-document.ts";
import { DATABASE_SERVICE, hasBuild, MAIN_SERVICE } from "./compose-images.ts";
import { variablesOf } from "./compose-variables.ts";

/** `name:tag@sha256:…` by the service that gets it. */
export type SideImages = Readonly<Record<string, string>>;

/** The images of a release's compose file that can be given a digest: `name:tag` by service. */
export function sideImagesOf(composeText: string): Record<string, string> {
  return sideImagesIn(sectionOf(parseCompose(composeText), "services"));
}

/**
 * As {@link sideImagesOf}, from a file that is read already. Left out: what is built, what the release has
 * pinned itself, and what variables decide.
 */
export function sideImagesIn(services: Section): Record<string, string> {
  const found: [string, string][] = [];
  for (const [service, definition] of services) {
    if (!(definition instanceof Map) || service === MAIN_SERVICE || hasBuild(definition)) continue;
    const text = textOf(definition, "image") ?? "";
    const image = variablesOf(text).length > 0 ? undefined : parseServiceImage(text);
    if (image?.tag === undefined || image.digest !== undefined) continue;
    found.push([service, `${image.name}:${image.tag}`]);
  }
  return Object.fromEntries(found);
}

/**
 * The images of a release, as {@link sideImagesOf} gives them, where the database runs from another one: digests
 * are of that one then.
 *
 * @param image undefined where the database runs from the release's
 */
export function withDatabaseImage(
  own: Readonly<Record<string, string>>,
  image: string | undefined,
): Record<string, string> {
  if (image === undefined) return { ...own };
  const { [DATABASE_SERVICE]: _, ...others } = own;
  const { name, tag, digest } = parseServiceImage(image) ?? {};
  if (name === undefined || tag === undefined || digest !== undefined) return others;
  return { ...others, [DATABASE_SERVICE]: `${name}:${tag}` };
}

/**
 * Why digests can't be put in the place of a release's tags, one sentence for each: another tag is
 * upstream's word, and a digest of the old one would undo it.
 *
 * @param known the release's own, as {@link sideImagesOf} gives them
 */
export function sideImageProblems(wanted: SideImages, known: SideImages): string[] {
  return Object.entries(wanted).flatMap(([service, image]) => {
    const own = Object.hasOwn(known, service) ? known[service] : undefined;
    const name = image.replace(/@.*$/, "");
    if (own === name) return [];
    const what =
      own === undefined
        ? "it has no such service with an image of its own that a tag names"
        : `there that service has ${own}, and a digest of another tag would undo the release's word`;
    return [
      `sideImages.${service} is for ${name}: ${what}. ` +
        `Remove it: pulumi config rm --path sideImages.${service}`,
    ];
  });
}
