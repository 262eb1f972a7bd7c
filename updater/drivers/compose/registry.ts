/** What registries have under a tag now. Nothing is pulled; root's own `docker login` is used. */
import { arch } from "node:process";
import { messageOf } from "../../../common/errors.ts";
import type { NewestImage } from "../../side-images-protocol.ts";
import { docker } from "./docker.ts";
import { ARCHITECTURES, pullFailure } from "./image-pull.ts";
import { POSTGRES_MAJOR } from "./other-images.ts";

/** For one question: a registry that answers at all answers within this time. */
const TIMEOUT = 15_000;

/** What is read of an image's own description. */
interface Description {
  created?: string;
  config?: { Env?: string[] | null };
}

/**
 * The digest that a tag stands for, as `docker pull` would find it.
 *
 * @param image `name:tag`
 * @throws Error with the cause, for people
 */
export async function digestOf(image: string): Promise<string> {
  let answer: string;
  try {
    answer = await inspect(image, "{{json .Manifest.Digest}}");
  } catch (error) {
    throw new Error(pullFailure(image, messageOf(error)).replace("pulled", "asked for"), {
      cause: error,
    });
  }
  const digest: unknown = JSON.parse(answer);
  if (typeof digest !== "string" || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new Error(`the registry's answer for ${image} has no digest that is known here.`);
  return digest;
}

/** What an image says of itself; what it doesn't say, or can't be asked for, is left out. */
export async function describeImage(image: string, digest: string): Promise<NewestImage> {
  try {
    const { created, config } = ofThisProcessor(
      JSON.parse(await inspect(`${image.replace(/:[^:/]*$/, "")}@${digest}`, "{{json .Image}}")),
    );
    const madeAt = created === undefined ? NaN : Date.parse(created);
    const postgresMajor = (config?.Env ?? [])
      .find((entry) => entry.startsWith(`${POSTGRES_MAJOR}=`))
      ?.slice(POSTGRES_MAJOR.length + 1);
    return {
      digest,
      // Builds that can be repeated say 1970, or nothing.
      ...(madeAt > Date.parse("2000-01-01") ? { madeAt: new Date(madeAt).toISOString() } : {}),
      ...(postgresMajor === undefined ? {} : { postgresMajor }),
    };
  } catch {
    return { digest };
  }
}

/** An image for several processors has a description for each, by `linux/amd64`. */
export function ofThisProcessor(answer: unknown): Description {
  const found = (answer ?? {}) as Description & Record<string, Description | undefined>;
  if (found.config !== undefined || found.created !== undefined) return found;
  const own = Object.entries(found).find(([platform]) =>
    platform.startsWith(`linux/${ARCHITECTURES[arch] ?? arch}`),
  );
  return own?.[1] ?? {};
}

function inspect(image: string, format: string): Promise<string> {
  return docker(
    `ask for ${image}`,
    ["buildx", "imagetools", "inspect", "--format", format, "--", image],
    { timeout: TIMEOUT },
  );
}
