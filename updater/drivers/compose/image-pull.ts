/** A commit's image from a registry: it counts only if its label names the commit. */
import { arch } from "node:process";
import { registryOf } from "../../../common/image-reference.ts";
import { messageOf } from "../../../common/errors.ts";
import type { ImageOptions } from "../driver.ts";
import { COMMIT_LABEL, docker, inspectImage } from "./docker.ts";

const PULL_TIMEOUT = 30 * 60_000;

/** The processors that are supported, as Docker names them. */
export const ARCHITECTURES: Record<string, string> = { x64: "amd64", arm64: "arm64" };

/**
 * Pulls the first of the references that is the commit's image, and gives it our name. Root's own
 * `docker login` is used for a private registry.
 *
 * @returns the reference
 * @throws Error with the cause for each of them
 */
export async function pullImage(
  name: string,
  { release, order, onLine }: ImageOptions,
): Promise<string> {
  const causes: string[] = [];
  for (const reference of order.references) {
    const wasThere = (await inspectImage(reference)) !== undefined;
    try {
      await docker(`pull ${reference}`, ["pull", "--", reference], {
        timeout: PULL_TIMEOUT,
        onLine,
      });
    } catch (error) {
      causes.push(pullFailure(reference, messageOf(error)));
      continue;
    }
    const problem = problemOfPulled(await inspectImage(reference), release.commit);
    if (problem === undefined) await docker("name the image", ["tag", reference, name]);
    else causes.push(`${reference} ${problem}.`);
    // Under our name alone it leaves with its release. What was there before is not ours.
    if (!wasThere)
      await docker("remove the second name", ["image", "rm", reference]).catch(() => undefined);
    if (problem === undefined) return reference;
  }
  if (causes.length === 0) throw new Error("no published image is known for this repository.");
  throw new Error(causes.join(" "));
}

/** Why a pulled image is not the commit's. */
export function problemOfPulled(
  image: { commit?: string; architecture: string } | undefined,
  commit: string,
): string | undefined {
  if (image === undefined) return "was pulled and is not there";
  const expected = ARCHITECTURES[arch] ?? arch;
  if (image.architecture !== expected)
    return `is for ${image.architecture}, and the server is ${expected}`;
  if (image.commit === undefined)
    return `has no label ${COMMIT_LABEL}, so that nothing tells from which commit it was built`;
  return image.commit === commit
    ? undefined
    : `was built from commit ${image.commit}, not ${commit}`;
}

/** A failed pull in a sentence, with what to do about it. */
export function pullFailure(reference: string, text: string): string {
  const registry = registryOf(reference);
  // Most registries don't tell a missing image from a private one to somebody who isn't logged in.
  if (/unauthorized|no basic auth credentials|denied|authentication required/i.test(text))
    return (
      `${reference}: ${registry} refuses it; it is private, or there is no such image. If it is private, ` +
      `run this on the server as root: docker login ${registry}`
    ).concat(".");
  if (/manifest unknown|not found|no such manifest/i.test(text))
    return `${reference} does not exist.`;
  if (/no matching manifest/i.test(text))
    return `${reference} is not there for the server's processor.`;
  return `${reference} could not be pulled: ${text.trim().replace(/\.$/, "")}.`;
}
