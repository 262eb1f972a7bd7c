/**
 * The folder of a release for one job: compose file, `.env` and keys. Written once and never
 * changed, so that a revert starts exactly what ran before.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { encodeDotenv } from "../release/dotenv.ts";
import { renderCompose } from "../release/compose-file.ts";
import { tagOf } from "../release/reference.ts";
import { readComposeFile } from "./drivers/compose/image.ts";
import { makeDirectoryDurably, writeFileDurably } from "./files.ts";
import { keyedDigest } from "./instance.ts";
import { readOverride } from "./override.ts";
import { type InstancePaths, OVERRIDE_FILE, releaseDirectoryName } from "./paths.ts";
import type { InstanceSecrets, SwitchRequest } from "./protocol.ts";

/** Volumes of upstream's compose file that hold what users made. */
export const DATABASE_VOLUME = "postgres_data";
const FILES_VOLUME = "file_storage";

export const COMPOSE_FILE = "compose.yaml";

export interface Rendering {
  compose: string;
  environment: string;
  keys: Record<string, string>;
  /** The operator's override as it is now. */
  override?: string;
}

/** What a rendering is made of, besides secrets and image. */
export type Rendered = Pick<SwitchRequest, "configuration" | "project" | "release"> & {
  /** The database's image in the place of the release's. */
  databaseImage?: string;
};

/** What a request makes of a release, with the keys looked for in `secretsDirectory`. */
export async function render(
  paths: InstancePaths,
  request: Rendered,
  image: string,
  secrets: InstanceSecrets,
  secretsDirectory: string,
): Promise<Rendering> {
  const { configuration, release } = request;
  const tree = join(paths.trees, release.commit);
  const url: Record<string, string> =
    configuration.url === undefined ? {} : { PUBLIC_URL: configuration.url };
  const override = (await readOverride(paths))?.text;
  return {
    ...(override === undefined ? {} : { override }),
    compose: renderCompose({
      composeText: await readComposeFile(tree),
      project: request.project,
      image,
      commit: release.commit,
      // However it was asked for, as a tag, a commit or both, it is the same release: no reason for a restart.
      releaseName: tagOf(release.name) ?? release.commit,
      listen: configuration.listen,
      environment: configuration.env,
      environmentFromFile: Object.keys(configuration.secretEnv),
      secretsDirectory,
      volumes: {
        [DATABASE_VOLUME]: configuration.databaseVolume,
        [FILES_VOLUME]: configuration.filesVolume,
      },
      treeDirectory: tree,
      ...(configuration.sideImages === undefined ? {} : { sideImages: configuration.sideImages }),
      ...(request.databaseImage === undefined ? {} : { databaseImage: request.databaseImage }),
      ...(configuration.url === undefined ? {} : { url: configuration.url }),
    }),
    environment: encodeDotenv({
      ...configuration.env,
      ...url,
      ...configuration.secretEnv,
      DB_PASSWORD: secrets.databasePassword,
      TOTP_ENCRYPTION_KEY: secrets.totpEncryptionKey,
    }),
    keys: { "jwt_private.pem": secrets.jwtPrivateKey, "jwt_public.pem": secrets.jwtPublicKey },
  };
}

/**
 * Docker's name of the volume with the uploads of a rendered release.
 *
 * @param folder the release's
 */
export async function filesVolumeOf(folder: string): Promise<string> {
  const file = join(folder, COMPOSE_FILE);
  const document = parse(await readFile(file, "utf8")) as {
    volumes?: Record<string, { name?: string } | null>;
  };
  const name = document.volumes?.[FILES_VOLUME]?.name;
  if (name === undefined) throw new Error(`${file} does not name the volume of the uploads`);
  return name;
}

/** The digest by which two requests ask for the same: it does not depend on the job's folder. */
export async function configurationDigest(
  paths: InstancePaths,
  request: Rendered,
  image: string,
  secrets: InstanceSecrets,
): Promise<string> {
  const rendering = await render(paths, request, image, secrets, "/secrets");
  return keyedDigest(paths, { ...rendering, profiles: request.configuration.profiles });
}

/** Writes the folder of a job's release and gives its name relative to the directory. */
export async function writeRelease(
  paths: InstancePaths,
  request: Rendered,
  image: string,
  secrets: InstanceSecrets,
  sequence: number,
): Promise<string> {
  const name = releaseDirectoryName(request.release.commit, sequence);
  const folder = join(paths.directory, name);
  const keys = join(folder, "secrets");
  const rendering = await render(paths, request, image, secrets, keys);
  // A submission that was killed before its job was opened had the same number, and other settings perhaps.
  await rm(folder, { recursive: true, force: true });
  await makeDirectoryDurably(folder);
  await makeDirectoryDurably(keys);
  await writeFileDurably(join(folder, COMPOSE_FILE), rendering.compose);
  await writeFileDurably(join(folder, ".env"), rendering.environment);
  if (rendering.override !== undefined)
    await writeFileDurably(join(folder, OVERRIDE_FILE), rendering.override);
  for (const [file, content] of Object.entries(rendering.keys))
    await writeFileDurably(join(keys, file), content);
  return name;
}
