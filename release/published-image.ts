/** Where a release's published image may be found. */
import { isImageTag, parseImage } from "../common/image-reference.ts";
import { parseReference } from "./reference.ts";

/**
 * The image that a repository's own CI publishes: for GitHub the package of the same name in its
 * registry. Undefined for a repository elsewhere.
 */
export function publishedImage(repository: string): string | undefined {
  const match =
    /^(?:https:\/\/|ssh:\/\/git@|git@)github\.com[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/i.exec(
      repository,
    );
  const name = match?.[1] === undefined ? undefined : `ghcr.io/${match[1].toLowerCase()}`;
  return name !== undefined && parseImage(name) !== undefined ? name : undefined;
}

/**
 * The references under which the image of a release may be published, the likeliest first: its tag
 * without the `v` (as Chatalot's CI names them), the tag, the commit. A name that already has a tag
 * or a digest is the only one.
 */
export function imageCandidates(
  image: string,
  release: { name: string; commit: string },
): string[] {
  const parsed = parseImage(image);
  if (parsed === undefined) throw new Error(`not the name of an image: ${image}`);
  if (parsed.tag !== undefined || parsed.digest !== undefined) return [image];
  const { tag } = parseReference(release.name);
  const tags = tag === undefined ? [] : [tag.replace(/^v(?=\d)/, ""), tag];
  return [...new Set([...tags, release.commit])]
    .filter(isImageTag)
    .map((name) => `${parsed.name}:${name}`);
}
