/**
 * The server's door: the networks by which anybody but its database can reach it. With migrations to
 * come it stays closed until the update is committed, so that a database that has to be taken back
 * has nothing in it that a user wrote since.
 *
 * An internal network that the server shares with nobody but what it depends on is no door: it stays in there,
 * and its connections to the database outlive the opening. Where there is none, because a bot or a proxy of the
 * operator's is in there too or nothing is internal, the server and what it depends on get a network of their
 * own. As long as the server may be out of its networks because of that, this one exists.
 */
import { CommandError } from "../../command.ts";
import {
  docker,
  dockerLines,
  type DockersEndpoint,
  type ListedContainer,
  rawContainer,
} from "./docker.ts";
import type { ServerNetwork } from "./server-networks.ts";

/** On the network behind the closed door, with the name of the project. */
const DOOR_LABEL = "chatalot-deploy.closed-door";

/** Compose puts an underscore behind the project's name, so it makes none of this name. */
function doorNetwork(project: string): string {
  return `${project}-closed-door`;
}

/**
 * Takes a server that was made, but not started, out of every network by which others can reach it.
 *
 * @param server the container's id
 * @param needed the containers that it needs to start, its database among them
 */
export async function closeDoor(
  project: string,
  server: string,
  needed: readonly Pick<ListedContainer, "id" | "state">[],
): Promise<void> {
  // One of an earlier try may hold whatever came into it since.
  await removeDoor(project);
  const networks = Object.keys(await endpointsOf(server));
  // One that has done its work, and ended, can't be asked for anything.
  const running = needed.filter(({ state }) => state === "running");
  const companions = (await Promise.all(running.map(({ id }) => companionOf(id, networks)))).filter(
    ({ shared }) => shared.length > 0,
  );
  const allowed = [server, ...needed.map(({ id }) => id)];
  const isPrivate = await Promise.all(networks.map((network) => holdsOnly(network, allowed)));
  const kept = networks.filter((_, index) => isPrivate[index]);
  const suffices =
    companions.length > 0 &&
    companions.every(({ shared }) => shared.some((network) => kept.includes(network)));
  if (!suffices) await makeDoor(project, server, companions);
  for (const network of networks)
    if (!suffices || !kept.includes(network))
      await docker("close the door", ["network", "disconnect", network, server]);
}

/** What the server needs, and how it reaches that. */
interface Companion {
  id: string;
  /** The server's networks that it is in. */
  shared: string[];
  /** Its names in these. */
  aliases: string[];
}

async function companionOf(id: string, networks: readonly string[]): Promise<Companion> {
  const endpoints = await endpointsOf(id);
  const shared = networks.filter((network) => endpoints[network] !== undefined);
  const aliases = shared.flatMap((network) => endpoints[network]?.Aliases ?? []);
  return { id, shared, aliases: [...new Set(aliases)] };
}

/** Whoever is stopped may be started at any moment, so that it counts as well. */
async function holdsOnly(network: string, allowed: readonly string[]): Promise<boolean> {
  // Who is in a network of many machines can't be seen from this one.
  const kind = await docker("look at a network", [
    ...["network", "inspect", "--format", "{{.Internal}} {{.Driver}}", network],
  ]);
  if (kind.trim() !== "true bridge") return false;
  return (await membersOf(network)).every((id) => allowed.includes(id));
}

/** The others stay in their own networks as well; none of them is restarted for it. */
async function makeDoor(
  project: string,
  server: string,
  companions: readonly Companion[],
): Promise<void> {
  const network = doorNetwork(project);
  await docker("make a network behind the door", [
    ...["network", "create", "--internal", "--label", `${DOOR_LABEL}=${project}`, network],
  ]);
  for (const { id, aliases } of companions)
    await docker("bring what the server needs behind the door", [
      ...["network", "connect", ...aliases.flatMap((alias) => ["--alias", alias]), network, id],
    ]);
  await docker("bring the server behind the door", ["network", "connect", network, server]);
}

/**
 * Brings a container into every network of its definition. Its published port answers again within
 * 0.1 s, without a restart (measured). Docker chooses the network of the default route anew each time that one is
 * added, by the same order whichever came first. Its client has no word for a MAC address, the name of an
 * interface, or a link: those come back when the container is made the next time.
 */
export async function joinNetworks(
  container: string,
  networks: readonly ServerNetwork[],
): Promise<void> {
  const present = await endpointsOf(container);
  for (const network of networks)
    if (present[network.name] === undefined)
      await docker("open the door", [
        ...["network", "connect", ...connectOptions(network), network.name, container],
      ]);
}

function connectOptions(network: ServerNetwork): string[] {
  const { aliases, address, address6, linkLocal, options, gatewayPriority } = network;
  return [
    ...aliases.flatMap((alias) => ["--alias", alias]),
    ...(address === undefined ? [] : ["--ip", address]),
    ...(address6 === undefined ? [] : ["--ip6", address6]),
    ...linkLocal.flatMap((each) => ["--link-local-ip", each]),
    ...Object.entries(options).flatMap(([name, value]) => ["--driver-opt", `${name}=${value}`]),
    // Only Docker 28 and newer have it, and only there Compose accepts a file with it.
    ...(gatewayPriority === undefined ? [] : ["--gw-priority", String(gatewayPriority)]),
  ];
}

/** Whether a container is in the network behind the closed door. */
export async function isBehindDoor(project: string, container: string): Promise<boolean> {
  return (await endpointsOf(container))[doorNetwork(project)] !== undefined;
}

/**
 * Takes everybody out of the network behind the door, and removes it; where there is none it does nothing. The
 * connections that go through it hang then, so its server has to be stopped.
 */
export async function removeDoor(project: string): Promise<void> {
  for (const name of await doorsOf(project)) {
    // Docker would remove it under a stopped container, which it could not start any more.
    for (const id of await membersOf(name)) await disconnect(name, id);
    await docker("remove the network behind the door", ["network", "rm", name]);
  }
}

/** Whether there is a network behind the door. */
export async function hasDoor(project: string): Promise<boolean> {
  return (await doorsOf(project)).length > 0;
}

/** By the label: another network of this name is none of ours. */
async function doorsOf(project: string): Promise<string[]> {
  return dockerLines("look for a network behind the door", [
    ...["network", "ls", "--filter", `label=${DOOR_LABEL}=${project}`, "--format", "{{.Name}}"],
  ]);
}

/** A container may go by itself meanwhile. */
async function disconnect(network: string, container: string): Promise<void> {
  try {
    await docker("take a container from behind the door", [
      ...["network", "disconnect", "--force", network, container],
    ]);
  } catch (error) {
    if (!(error instanceof CommandError && /not connected|no such/i.test(error.stderr)))
      throw error;
  }
}

/** Ids of the containers that are in a network, running or not. */
async function membersOf(network: string): Promise<string[]> {
  return dockerLines("ask who is in a network", [
    ...["ps", "--all", "--quiet", "--no-trunc", "--filter", `network=${network}`],
  ]);
}

/** A container's networks by their names. */
async function endpointsOf(container: string): Promise<Record<string, DockersEndpoint>> {
  return (await rawContainer(container))?.NetworkSettings.Networks ?? {};
}
