/** How a server differs from what was committed on it, each difference in words for the operator. */
import { basename, join } from "node:path";
import { DATABASE_SERVICE } from "../release/compose-file.ts";
import type { Driver, Look, ServiceFacts } from "./drivers/driver.ts";
import { readFileIfThere } from "./files.ts";
import { readOverride } from "./override.ts";
import { type InstancePaths, OVERRIDE_FILE } from "./paths.ts";
import type { ContainerFacts, HealthAnswer, LedgerRecord, ServingRecord } from "./protocol.ts";
import { directoryLinks, editedFiles, linkState } from "./release-files.ts";
import { sameDatabase } from "./same-database.ts";
import { unitTemplate } from "./unit.ts";

/**
 * Empty: the server is what its ledger says, untouched and healthy.
 *
 * @param looking what runs, while it is being read: the files are looked at meanwhile
 */
export async function readDrift(
  paths: InstancePaths,
  driver: Driver,
  looking: Promise<Look>,
  record: LedgerRecord,
): Promise<string[]> {
  const { serving } = record;
  if (serving === undefined) return [];
  const [look, image, edited, links, override, unit] = await Promise.all([
    looking,
    driver.image(serving.image),
    fileDrift(paths, serving),
    linkDrift(paths, serving),
    overrideDrift(paths, serving),
    unitTemplate(),
  ]);
  return [
    ...serverDrift(look, record, serving, image?.id),
    ...databaseDrift(look, serving),
    ...serviceDrift(look.services, serving.services ?? {}),
    ...edited,
    ...links,
    ...override,
    ...(unit === "right" ? [] : [`the systemd unit chatalot-deploy@.service is ${unit}`]),
  ];
}

function serverDrift(
  { server, health }: Look,
  record: LedgerRecord,
  committed: ServingRecord,
  taggedImageId: string | undefined,
): string[] {
  if (server === undefined) return ["the server's container is gone"];
  if (!server.running) return [`the server is ${server.status}`];
  const drift = server.id === committed.found ? [] : originDrift(server, record, committed);
  if (server.restartPolicy !== committed.restartPolicy)
    drift.push(`its restart policy is "${server.restartPolicy}", not "${committed.restartPolicy}"`);
  if (taggedImageId === undefined) drift.push(`the image ${committed.image} is gone`);
  else if (server.id !== committed.found && taggedImageId !== server.imageId)
    drift.push("it runs another image than its tag names");
  if (health.status !== "ok" || health.databaseHealthy !== true)
    drift.push(`it is not healthy: ${unhealthyBecause(health)}`);
  return drift;
}

/** Whether it is the container that was committed. */
function originDrift(
  server: ContainerFacts,
  { release }: LedgerRecord,
  committed: ServingRecord,
): string[] {
  if (server.commit !== release?.commit)
    return [`it runs commit ${server.commit ?? "unknown"}, not ${release?.commit}`];
  return server.composeConfigHash === committed.composeConfigHash
    ? []
    : ["its container was made with another configuration"];
}

function unhealthyBecause(health: HealthAnswer): string {
  if (health.problem !== undefined) return health.problem;
  return health.databaseHealthy === false
    ? "it can't reach its database"
    : `status ${health.status ?? "unknown"}`;
}

function databaseDrift({ database, services }: Look, committed: ServingRecord): string[] {
  if (database !== undefined)
    return sameDatabase(database.identity, committed.database)
      ? []
      : ["its database is another one"];
  // A stopped container is told as one of the services, where they were recorded.
  const isTold =
    committed.services !== undefined &&
    !services.some(({ service, state }) => service === DATABASE_SERVICE && state === "running");
  return isTold ? [] : ["the database does not answer"];
}

/** The containers beside the server, compared with those that ran when it was committed. */
export function serviceDrift(
  services: readonly ServiceFacts[],
  committed: Readonly<Record<string, string>>,
): string[] {
  // Records of earlier versions don't name them.
  if (Object.keys(committed).length === 0) return [];
  const found = new Map(services.map((facts) => [facts.service, facts]));
  const drift: string[] = [];
  for (const [service, configHash] of Object.entries(committed)) {
    const now = found.get(service);
    if (now === undefined) drift.push(`${service}: its container is gone`);
    else if (now.state !== "running") drift.push(`${service} is ${now.state}`);
    else if (now.configHash !== configHash)
      drift.push(`${service}: its container was made with another configuration`);
    else if (now.isUnhealthy) drift.push(`${service} is unhealthy`);
  }
  for (const { service, state } of services)
    if (committed[service] === undefined && state === "running")
      drift.push(`${service} runs, although it is not switched on`);
  return drift;
}

async function fileDrift(paths: InstancePaths, serving: ServingRecord): Promise<string[]> {
  const { edited, missing } = await editedFiles(paths, serving);
  const place = (name: string): string => join(serving.releaseDirectory, name);
  return [
    ...edited.map((name) => `${place(name)} was edited (pulumi up keeps your text and goes back)`),
    ...missing.map((name) => `${place(name)} is gone`),
  ];
}

async function linkDrift(paths: InstancePaths, serving: ServingRecord): Promise<string[]> {
  const drift: string[] = [];
  for (const { path, target } of directoryLinks(paths, serving.releaseDirectory)) {
    const state = await linkState(path, target);
    const name = basename(path);
    if (state === "missing") drift.push(`the link ${name} is gone`);
    if (state === "elsewhere") drift.push(`the link ${name} leads elsewhere than to ${target}`);
    if (state === "replaced")
      drift.push(
        `${name} was replaced by a file of your own, which nothing that runs uses (pulumi up renames ` +
          `it to ${name}.edited-<job>)`,
      );
  }
  return drift;
}

/** The operator's override belongs to what runs: a change of it is brought by the next up. */
async function overrideDrift(paths: InstancePaths, serving: ServingRecord): Promise<string[]> {
  const copy = join(paths.directory, serving.releaseDirectory, OVERRIDE_FILE);
  const [now, then] = await Promise.all([readOverride(paths), readFileIfThere(copy)]);
  if (now?.text === then) return [];
  if (now === undefined) return ["your override file was removed, but what runs still has it"];
  return [
    then === undefined
      ? `${now.name} was added and is not applied yet`
      : `${now.name} was changed and is not applied yet`,
  ];
}
