import { fileURLToPath } from "node:url";
import { docker, type Report } from "../commands.ts";
import { ensureDebian } from "./debian.ts";
import { pull } from "./registry.ts";
import { contentKey, ensureStored } from "./store.ts";

/** An image that the sample's compose file or Dockerfile names, as it can be had here. */
export interface BaseImage {
  /** The name that the sample uses, such as `postgres:17`. */
  name: string;
  /** The name it has in this machine's docker daemon; differs from {@link name} for a stand-in. */
  reference: string;
  /** It was made from the distribution's packages, because it cannot be pulled. */
  isStandIn: boolean;
}

/** The images that a Chatalot server needs beside its own. */
export interface BaseImages {
  node: BaseImage;
  postgres: BaseImage;
}

/** Has both base images in this machine's docker daemon. */
export async function ensureBaseImages(report: Report): Promise<BaseImages> {
  return {
    node: await ensureBaseImage("node:20-trixie-slim", "node", report),
    postgres: await ensureBaseImage("postgres:17", "postgres", report),
  };
}

async function ensureBaseImage(name: string, folder: string, report: Report): Promise<BaseImage> {
  if (await pull(name, report)) return { name, reference: name, isStandIn: false };
  const reference = await ensureBuilt(folder, contextOf(`./${folder}/`), report);
  return { name, reference, isStandIn: true };
}

/**
 * Builds an image from a folder with a Dockerfile on top of {@link ensureDebian}, once per content.
 *
 * @returns its reference, `chatalot-demo/<name>:<key>`
 */
export async function ensureBuilt(name: string, context: string, report: Report): Promise<string> {
  const debian = await ensureDebian(report);
  const reference = `chatalot-demo/${name}:${await contentKey(context, debian)}`;
  await ensureStored(
    reference,
    async () => {
      report(`building the image ${reference} from packages (a minute or two, once)`);
      // The host's network, because a build must reach what this machine's apt reaches; the
      // default builder, because another one does not see this daemon's images.
      await docker(
        `build the image ${reference}`,
        ["build", "--network=host", "--build-arg", `BASE=${debian}`, "--tag", reference, context],
        { timeout: 1_200_000, environment: { BUILDX_BUILDER: "default" } },
      );
    },
    report,
  );
  return reference;
}

function contextOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
