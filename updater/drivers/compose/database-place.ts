/**
 * Where an image of PostgreSQL has its data, and the rendered file with the database's volume there. From 18 on the
 * official image has them elsewhere than before (docker-library/postgres#1259), so the image is asked.
 */
import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { withDatabaseAt } from "../../../release/database-place.ts";
import { DATABASE_SERVICE } from "../../../release/compose-file.ts";
import { writeFileDurably } from "../../files.ts";
import { COMPOSE_FILE, DATABASE_VOLUME } from "../../rendered-release.ts";
import type { DatabasePlace, RenderedRelease } from "../driver.ts";
import { inspectImage } from "./docker.ts";
import { POSTGRES_MAJOR } from "./other-images.ts";
import type { ComposeProject, ServiceDefinition } from "./project.ts";

/** Around all places where images of PostgreSQL have had data; one of them refuses what lies in another. */
const USUAL_FOLDER = "/var/lib/postgresql";

/** Variables that a new folder of data is made by. */
const MAKES_DATA = /^(POSTGRES_INITDB_|POSTGRES_HOST_AUTH_METHOD$|PGDATA$)/;

/**
 * Mounts the database's volume where the image has its data. Done again it changes nothing.
 *
 * @throws Error where the image is none of PostgreSQL, or something else is mounted there
 */
export async function placeDatabase(
  compose: ComposeProject,
  release: RenderedRelease,
): Promise<DatabasePlace> {
  const before = await compose.definition(release, DATABASE_SERVICE);
  const { image = "", environment = {} } = before;
  const found = await inspectImage(image);
  if (found === undefined) throw new Error(`the database's image ${image} is not on the server`);
  const given = new Map(
    Object.entries(environment).flatMap(([name, value]) =>
      value === null ? [] : [[name, value.replaceAll("$$", "$")] as const],
    ),
  );
  const major = found.environment.get(POSTGRES_MAJOR);
  const folder = given.get("PGDATA") ?? found.environment.get("PGDATA");
  if (major === undefined || folder === undefined || !posix.isAbsolute(folder))
    throw new Error(
      `the image ${image} does not tell its version of PostgreSQL (PG_MAJOR) and where it has its data (PGDATA), ` +
        "so no volume can be put there",
    );
  const target = mountPoint(posix.normalize(folder), found.volumes);
  const file = join(release.directory, COMPOSE_FILE);
  const text = await readFile(file, "utf8");
  const placed = withDatabaseAt(text, DATABASE_VOLUME, target);
  if (placed !== text) await writeFileDurably(file, placed);
  refuseOtherMounts(await compose.definition(release, DATABASE_SERVICE), target);
  return {
    ...{ image, imageId: found.id, major: Number(major), target },
    environment: Object.fromEntries([...given].filter(([name]) => MAKES_DATA.test(name))),
  };
}

/**
 * The innermost volume that the image declares around its data; a mount further in would leave the declared one
 * to Docker, which makes a new one for each container.
 */
export function mountPoint(folder: string, declared: readonly string[]): string {
  const around = declared
    .map((volume) => posix.normalize(volume).replace(/(?<=.)\/$/, ""))
    .filter((volume) => isWithin(folder, volume))
    .sort((a, b) => b.length - a.length);
  return around[0] ?? folder;
}

/** Compose merges mounts by their place in the container: one of the override's may hide ours, or be refused. */
export function refuseOtherMounts({ volumes = [] }: ServiceDefinition, target: string): void {
  const others = volumes.filter(
    (mount) =>
      !(mount.type === "volume" && mount.source === DATABASE_VOLUME && mount.target === target) &&
      [target, USUAL_FOLDER].some(
        (place) => isWithin(mount.target, place) || isWithin(place, mount.target),
      ),
  );
  const isThere = volumes.some(
    ({ source, target: place }) => source === DATABASE_VOLUME && place === target,
  );
  if (others.length === 0 && isThere) return;
  const what = others.map(({ source, target: place }) => `${source ?? "a folder"} at ${place}`);
  throw new Error(
    `the database's data have to be in the volume ${DATABASE_VOLUME} at ${target}, and service ` +
      `${DATABASE_SERVICE} has ${what.length === 0 ? "nothing" : what.join(" and ")} there. Take that out of your ` +
      "override file (docs/upgrade-database.md)",
  );
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
