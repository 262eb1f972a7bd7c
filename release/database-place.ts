/** Where the database's volume is mounted in a generated compose file. */
import {
  listOf,
  literal,
  parseCompose,
  sectionOf,
  Text,
  textOf,
  type Value,
  writeCompose,
} from "./compose-document.ts";
import { COMMENT, DATABASE_SERVICE } from "./compose-file.ts";
import { unusable } from "./compose-images.ts";

/**
 * A generated file with the database's volume mounted at another place in its container, where
 * its image has the data.
 *
 * @param volume the key of the volume in the file
 * @throws UserError where the database doesn't use that volume
 */
export function withDatabaseAt(composeText: string, volume: string, target: string): string {
  const root = parseCompose(composeText);
  const services = sectionOf(root, "services");
  const database = sectionOf(services, DATABASE_SERVICE);
  const mounts = listOf(database, "volumes");
  const isOwn = (mount: Value): boolean => isMountOf(mount, volume);
  if (!mounts.some(isOwn))
    throw unusable([`service ${DATABASE_SERVICE} doesn't mount the volume "${volume}"`]);
  const moved = mounts.map((mount) => (isOwn(mount) ? literal(`${volume}:${target}`) : mount));
  const result = new Map(root).set(
    "services",
    new Map(services).set(DATABASE_SERVICE, new Map(database).set("volumes", moved)),
  );
  return writeCompose(result, COMMENT);
}

/** Whether an entry of a service's `volumes` is for this one, by its key in the file. */
export function isMountOf(mount: Value, volume: string): boolean {
  return mount instanceof Map
    ? textOf(mount, "source") === volume
    : mount instanceof Text && mount.text.startsWith(`${volume}:`);
}
