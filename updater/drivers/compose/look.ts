/** What runs in a Compose project and how it answers, read with as few questions as possible. */
import type { ContainerFacts, HealthAnswer } from "../../protocol.ts";
import { DATABASE_SERVICE, MAIN_SERVICE } from "../../../release/compose-file.ts";
import type { Look, ServiceFacts } from "../driver.ts";
import { readDatabase, readMeasures } from "./data/database.ts";
import { databaseOf } from "./data/psql.ts";
import { inspectContainers, type ListedContainer, listContainers } from "./docker.ts";
import { probeHealth, SERVER_PORT } from "./health.ts";

export async function look(project: string): Promise<Look> {
  const containers = await listContainers(project);
  const idOf = (of: string): string | undefined =>
    containers.find(({ service }) => service === of)?.id;
  const [serverId, databaseId] = [idOf(MAIN_SERVICE), idOf(DATABASE_SERVICE)];
  const found = await inspectContainers([serverId, databaseId].filter((id) => id !== undefined));
  const server = found.find(({ facts }) => facts.id === serverId)?.facts;
  const container = databaseOf(found.find(({ facts }) => facts.id === databaseId));
  const [health, database, measures] = await Promise.all([
    healthOf(server),
    readDatabase(container),
    readMeasures(container),
  ]);
  return {
    ...{ server, health, services: servicesOf(containers) },
    databaseRuns: container !== undefined,
    database: database === undefined ? undefined : { ...database, ...measures },
  };
}

/** Asked inside the server's networks: no published port is needed. */
export async function healthOf(server: ContainerFacts | undefined): Promise<HealthAnswer> {
  const origin = originOf(server);
  return origin === undefined
    ? { reachable: false, problem: "the server does not run" }
    : probeHealth(origin);
}

/** Where the server answers inside its networks; undefined while it doesn't run. */
export function originOf(server: ContainerFacts | undefined): string | undefined {
  if (server?.running !== true || server.address === undefined) return undefined;
  return `http://${server.address}:${SERVER_PORT}`;
}

/** The containers beside the server. */
export function servicesOf(containers: readonly ListedContainer[]): ServiceFacts[] {
  return containers
    .filter(({ service }) => service !== MAIN_SERVICE)
    .map(({ service, state, configHash, isUnhealthy }) => ({
      ...{ service, state, configHash, isUnhealthy },
    }));
}
