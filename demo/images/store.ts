import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cachePath } from "../../common/cache.ts";
import { withLock } from "../../toolchain/lock.ts";
import { docker, type Report } from "../commands.ts";

/**
 * Folder of the images that were made here, so that they outlive the docker daemon's own store:
 * on a new machine of a CI, only this cache is carried over.
 */
export function imageCacheDirectory(): string {
  return cachePath("images");
}

/** The image's id, or undefined where the docker daemon does not have it. */
export async function imageId(reference: string): Promise<string | undefined> {
  const found = await docker(
    `look for the image ${reference}`,
    ["image", "inspect", "--format", "{{.Id}}", reference],
    { timeout: 30_000, acceptedExitCodes: [0, 1] },
  );
  return found.exitCode === 0 ? found.stdout.trim() : undefined;
}

/**
 * A digest over every file of a build context and whatever else the image depends on, so that a
 * changed Dockerfile makes a new image and an unchanged one is never built twice.
 */
export async function contentKey(directory: string, ...more: string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(directory)).sort()) {
    hash.update(`${name}\0`).update(await readFile(join(directory, name)));
  }
  for (const text of more) hash.update(`\0${text}`);
  return hash.digest("hex").slice(0, 16);
}

/**
 * Has the image in the docker daemon: it is there already, or in the cache folder, or it is made
 * (and then kept in the cache folder).
 */
export async function ensureStored(
  reference: string,
  make: () => Promise<void>,
  report: Report,
): Promise<void> {
  if ((await imageId(reference)) !== undefined) return;
  const options = { what: `makes the image ${reference}`, waitSeconds: 1_800, report };
  await withLock("demo-image", options, () => loadOrMake(reference, make, report));
}

async function loadOrMake(
  reference: string,
  make: () => Promise<void>,
  report: Report,
): Promise<void> {
  if ((await imageId(reference)) !== undefined) return;
  const file = join(imageCacheDirectory(), `${reference.replaceAll(/[/:]/g, "-")}.tar`);
  if (await isFile(file)) {
    report(`loading the image ${reference} from the cache`);
    await docker(`load ${file}`, ["load", "--quiet", "--input", file], { timeout: 300_000 });
    if ((await imageId(reference)) !== undefined) return;
    await rm(file);
  }
  await make();
  await mkdir(imageCacheDirectory(), { recursive: true });
  const partial = `${file}.${process.pid}.partial`;
  await docker(`save ${reference}`, ["save", "--output", partial, reference], { timeout: 300_000 });
  await rename(partial, file);
  await removeOlder(reference, file);
}

/** Images of this name with another key are of no use any more, and each takes some 300 MB. */
async function removeOlder(reference: string, file: string): Promise<void> {
  const [name = "", key = ""] = reference.split(":");
  const own = basename(file);
  const prefix = own.slice(0, own.length - `${key}.tar`.length);
  for (const other of await readdir(dirname(file))) {
    if (other !== own && other.startsWith(prefix)) await rm(join(dirname(file), other));
  }
  const listed = await docker(
    `list the images ${name}`,
    ["images", "--format", "{{.Repository}}:{{.Tag}}", name],
    { timeout: 30_000 },
  );
  for (const other of listed.stdout.split("\n")) {
    if (other === reference || !other.startsWith(`${name}:`)) continue;
    // One that a server runs on stays.
    await docker(`remove the image ${other}`, ["rmi", other], {
      timeout: 60_000,
      acceptedExitCodes: [0, 1],
    });
  }
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true;
}
