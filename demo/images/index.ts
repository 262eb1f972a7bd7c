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

/** The image of a newer PostgreSQL, for the tests of an upgrade alone: nothing else waits for it. */
export async function ensureNewerPostgres(report: Report): Promise<BaseImage> {
  const name = "postgres:18";
  if (await pull(name, report)) return { name, reference: name, isStandIn: false };
  const { reference: before } = await ensureBaseImage("postgres:17", "postgres", report);
  const context = contextOf("./newer-postgres/");
  const reference = await ensureBuilt("newer-postgres", context, report, { POSTGRES_17: before });
  return { name, reference, isStandIn: true };
}

async function ensureBaseImage(name: string, folder: string, report: Report): Promise<BaseImage> {
  if (await pull(name, report)) return { name, reference: name, isStandIn: false };
  const reference = await ensureBuilt(folder, contextOf(`./${folder}/`), report);
  return { name, reference, isStandIn: true };
}

/**
 * Builds an image from a folder with a Dockerfile on top of {@link ensureDebian}, once per content.
 *
 * @param images more images that it is made of, by the Dockerfile's names for them
 * @returns its reference, `chatalot-demo/<name>:<key>`
 */
export async function ensureBuilt(
  name: string,
  context: string,
  report: Report,
  images: Readonly<Record<string, string>> = {},
): Promise<string> {
  const debian = await ensureDebian(report);
  const key = await contentKey(context, debian, ...Object.values(images));
  const reference = `chatalot-demo/${name}:${key}`;
  const given = Object.entries({ BASE: debian, ...images }).flatMap(([argument, image]) => [
    "--build-arg",
    `${argument}=${image}`,
  ]);
  await ensureStored(
    reference,
    async () => {
      report(`building the image ${reference} from packages (a minute or two, once)`);
      // The host's network, because a build must reach what this machine's apt reaches; the
      // default builder, because another one does not see this daemon's images.
      await docker(
        `build the image ${reference}`,
        ["build", "--network=host", ...given, "--tag", reference, context],
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
