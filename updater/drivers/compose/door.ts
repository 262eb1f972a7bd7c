/**
 * The server's door: the networks by which anybody but its database can reach it. With migrations to
 * come it stays closed until the update is committed, so that a database that has to be taken back
 * has nothing in it that a user wrote since.
 */
import { docker } from "./docker.ts";

/** Takes a container that was made, but not started, out of every network that leads outside. */
export async function closeDoor(container: string): Promise<void> {
  const networks = await networksOf(container);
  const leadOutside = await Promise.all(networks.map(isOpen));
  const outside = networks.filter((_, index) => leadOutside[index]);
  if (outside.length === networks.length)
    throw new Error(
      "close the door: the server shares no internal network with its database, so nothing keeps " +
        "users out while the database is migrated",
    );
  for (const network of outside)
    await docker("close the door", ["network", "disconnect", network, container]);
}

/**
 * Brings a container into every network of its definition. Its published port answers again within
 * 0.1 s, without a restart (measured).
 *
 * @param networks names of the networks, with the container's names in each
 */
export async function openDoor(
  container: string,
  networks: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  const present = new Set(await networksOf(container));
  for (const [network, aliases] of networks) {
    if (present.has(network)) continue;
    await docker("open the door", [
      ...["network", "connect", ...aliases.flatMap((alias) => ["--alias", alias])],
      ...[network, container],
    ]);
  }
}

async function networksOf(container: string): Promise<string[]> {
  const json = await docker("list the server's networks", [
    ...["container", "inspect", "--format", "{{json .NetworkSettings.Networks}}", container],
  ]);
  return Object.keys((JSON.parse(json) as Record<string, unknown> | null) ?? {});
}

async function isOpen(network: string): Promise<boolean> {
  const internal = await docker("look at a network", [
    ...["network", "inspect", "--format", "{{.Internal}}", network],
  ]);
  return internal.trim() !== "true";
}
