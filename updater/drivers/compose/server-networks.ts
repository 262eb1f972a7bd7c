/** What a compose file says of the networks of a server, and of those who have to be in them with it. */
import { DATABASE_SERVICE, MAIN_SERVICE } from "../../../release/compose-file.ts";

/** As much of a compose file, as Compose itself has understood it, as is read here. */
export interface ResolvedFile {
  services?: Record<string, ResolvedService>;
  networks?: Record<string, { name?: string } | null>;
}

interface ResolvedService {
  container_name?: string;
  network_mode?: string;
  networks?: Record<string, ResolvedEndpoint | null> | null;
}

interface ResolvedEndpoint {
  aliases?: string[] | null;
  ipv4_address?: string;
  ipv6_address?: string;
  link_local_ips?: string[] | null;
  driver_opts?: Record<string, string> | null;
  gw_priority?: number;
}

/** The server's place in one network. */
export interface ServerNetwork {
  /** Docker's name of the network. */
  name: string;
  /** The server's names in it. */
  aliases: string[];
  /** The fixed addresses; absent: Docker chooses. */
  address?: string;
  address6?: string;
  linkLocal: string[];
  /** Of the network's driver, for this container. */
  options: Record<string, string>;
  /** The network with the highest one has the default route; absent: Docker's order. */
  gatewayPriority?: number;
}

/** Compose gives every container its service's name in each network, and what the file adds. */
export function networksOf(file: ResolvedFile): ServerNetwork[] {
  const server = file.services?.[MAIN_SERVICE];
  const own = [server?.container_name, MAIN_SERVICE].filter((name) => name !== undefined);
  return Object.entries(server?.networks ?? {}).flatMap(([key, settings]): ServerNetwork[] => {
    const name = file.networks?.[key]?.name;
    if (name === undefined) return [];
    return [{ name, ...placeOf(settings ?? {}, own) }];
  });
}

function placeOf(settings: ResolvedEndpoint, own: readonly string[]): Omit<ServerNetwork, "name"> {
  const { ipv4_address: address, ipv6_address: address6, gw_priority: gatewayPriority } = settings;
  return {
    aliases: [...own, ...(settings.aliases ?? [])],
    ...(address ? { address } : {}),
    ...(address6 ? { address6 } : {}),
    linkLocal: settings.link_local_ips ?? [],
    options: settings.driver_opts ?? {},
    ...(gatewayPriority ? { gatewayPriority } : {}),
  };
}

/**
 * Why users can't be kept out of a server while its database changes; undefined: they can. Docker takes nobody
 * out of the host's network or another container's, and nobody can be brought to a database in there.
 */
export function doorProblem({ services = {} }: ResolvedFile): string | undefined {
  const [server, database] = [services[MAIN_SERVICE], services[DATABASE_SERVICE]];
  if (server === undefined || database === undefined) return undefined;
  for (const [service, { network_mode: mode }] of [
    [MAIN_SERVICE, server],
    [DATABASE_SERVICE, database],
  ] as const)
    if (mode !== undefined)
      return (
        `users can't be kept out while the database changes: ${service} has network_mode "${mode}". Give it ` +
        "networks instead"
      );
  const shared = Object.keys(server.networks ?? {}).filter(
    (network) => database.networks?.[network] !== undefined,
  );
  return shared.length > 0
    ? undefined
    : "users can't be kept out while the database changes: " +
        `${MAIN_SERVICE} and ${DATABASE_SERVICE} share no network. Put both into one`;
}
