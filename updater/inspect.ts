/** Reads everything a preview needs of a server, and changes nothing. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ComposeDriver } from "./drivers/compose/compose-driver.ts";
import { readFileIfThere } from "./files.ts";
import { findForeign } from "./foreign.ts";
import { readInstance } from "./instance.ts";
import { openJob } from "./job.ts";
import { Ledger } from "./ledger.ts";
import { type InstancePaths, instancePaths, OVERRIDE_FILE } from "./paths.ts";
import { type LedgerRecord, PROTOCOL, type ServerState } from "./protocol.ts";

export interface InspectRequest {
  directory: string;
  project: string;
  volumes: string[];
}

export async function inspectServer(request: InspectRequest): Promise<ServerState> {
  const paths = instancePaths(request.directory);
  const instance = await readInstance(paths);
  if (instance === undefined)
    return {
      protocol: PROTOCOL,
      foreign: await findForeign(paths, request.project, request.volumes),
      reverted: [],
      prepared: [],
      drift: [],
    };

  const driver = new ComposeDriver(paths, instance.project);
  const ledger = await Ledger.read(paths);
  const [needsOperator, job, server, database, health, prepared] = await Promise.all([
    readFileIfThere(paths.needsOperator),
    openJob(paths),
    driver.server(),
    driver.database(),
    driver.health(),
    preparedCommits(paths, driver),
  ]);
  const serving = ledger.serving;
  const state: ServerState = {
    protocol: PROTOCOL,
    instanceId: instance.id,
    foreign: [],
    reverted: ledger.reverted,
    prepared,
    health,
    drift: [],
    ...(needsOperator === undefined ? {} : { needsOperator }),
    ...(ledger.last === undefined ? {} : { lastClosed: ledger.last }),
    ...(serving === undefined ? {} : { serving }),
    ...(server === undefined ? {} : { server }),
    ...(database === undefined ? {} : { database }),
  };
  if (job !== undefined) state.openJob = job.summary;
  else if (serving !== undefined)
    state.drift = [
      ...(await driftOf(driver, state, serving)),
      ...(await overrideDrift(paths, serving)),
    ];
  return state;
}

async function preparedCommits(paths: InstancePaths, driver: ComposeDriver): Promise<string[]> {
  const names = await readdir(paths.trees).catch(() => []);
  const commits = names.filter((name) => /^[0-9a-f]{40}$/.test(name));
  const ready = await Promise.all(
    commits.map(
      async (commit) => (await driver.image(driver.imageName(commit)))?.commit === commit,
    ),
  );
  return commits.filter((_, index) => ready[index]);
}

/** The operator's override belongs to what runs: a change of it is brought by the next up. */
async function overrideDrift(paths: InstancePaths, { serving }: LedgerRecord): Promise<string[]> {
  if (serving === undefined) return [];
  const copy = join(paths.directory, serving.releaseDirectory, OVERRIDE_FILE);
  const [now, then] = await Promise.all([
    readFileIfThere(paths.overrideFile),
    readFileIfThere(copy),
  ]);
  return now === then ? [] : [`${OVERRIDE_FILE} was changed`];
}

/** How what runs differs from what was committed, in words for the operator. */
async function driftOf(
  driver: ComposeDriver,
  { server, health, database }: ServerState,
  record: LedgerRecord,
): Promise<string[]> {
  const committed = record.serving;
  if (committed === undefined) return [];
  if (server === undefined) return ["the server's container is gone"];
  if (!server.running) return [`the server is ${server.status}`];
  const drift: string[] = [];
  if (server.commit !== record.release?.commit)
    drift.push(`it runs commit ${server.commit ?? "unknown"}, not ${record.release?.commit}`);
  else if (server.composeConfigHash !== committed.composeConfigHash)
    drift.push("its container was made with another configuration");
  if (server.restartPolicy !== committed.restartPolicy)
    drift.push(`its restart policy is "${server.restartPolicy}", not "${committed.restartPolicy}"`);
  const image = await driver.image(committed.image);
  if (image === undefined) drift.push(`the image ${committed.image} is gone`);
  else if (image.id !== server.imageId) drift.push("it runs another image than its tag names");
  if (
    database !== undefined &&
    (database.identity.systemIdentifier !== committed.database.systemIdentifier ||
      database.identity.oid !== committed.database.oid)
  )
    drift.push("its database is another one");
  if (health?.status !== "ok" || health.databaseHealthy !== true)
    drift.push(`it is not healthy: ${health?.problem ?? `status ${health?.status ?? "unknown"}`}`);
  return drift;
}
