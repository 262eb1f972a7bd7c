/** Reads everything a preview needs of a server, and changes nothing. */
import { readdir } from "node:fs/promises";
import * as z from "zod";
import { diskUsage } from "./disk-usage.ts";
import { readAlerts } from "./alerts/alerts.ts";
import { readDrift } from "./drift.ts";
import { type Backup, backupSummary, listBackups } from "./backups.ts";
import { ComposeDriver } from "./drivers/compose/compose-driver.ts";
import { readFileIfThere } from "./files.ts";
import { readHookFiles } from "./hooks/files.ts";
import { findForeign } from "./foreign.ts";
import { readInstance } from "./instance.ts";
import { openJob } from "./job.ts";
import { Ledger } from "./ledger.ts";
import { describeOverride, readOverride } from "./override.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import {
  type DatabaseFacts,
  jobBase,
  type KeptVolume,
  type OverrideFacts,
  PROTOCOL,
  type Reach,
  type ServerState,
} from "./protocol.ts";
import { readSchedule } from "./schedule/schedule.ts";
import { servedReleases, usefulRevertPoints } from "./retention.ts";

export const inspectRequestSchema = jobBase
  .pick({ directory: true, project: true, volumes: true })
  .extend({
    /** Measure the disk's use too, which may take long. Default: false. */
    usage: z.boolean().optional(),
  });
export type InspectRequest = z.infer<typeof inspectRequestSchema>;

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
  const [ledger, job] = await Promise.all([Ledger.read(paths), openJob(paths)]);
  const looking = driver.look();
  const { serving } = ledger;
  const isSettled = job === undefined && serving !== undefined;
  const [look, needsOperator, prepared, override, backups, drift, schedule, ...more] =
    await Promise.all([
      looking,
      readFileIfThere(paths.needsOperator),
      preparedCommits(paths, driver),
      overrideFacts(paths, driver),
      listBackups(paths),
      isSettled ? readDrift(paths, driver, looking, serving) : [],
      readSchedule(paths),
      readAlerts(paths),
      readHookFiles(paths),
      keptVolumesOf(ledger, driver),
    ]);
  const [alerts, hooks, keptVolumes] = more;
  const { server, database, health } = look;
  return {
    protocol: PROTOCOL,
    instanceId: instance.id,
    foreign: [],
    reverted: ledger.reverted,
    prepared,
    health,
    backups: summaryOf(backups),
    reach: reachOf(ledger, prepared, backups, database),
    measured: ledger.measured,
    drift,
    ...(schedule === undefined ? {} : { schedule }),
    ...(alerts === undefined ? {} : { alerts }),
    ...(job === undefined ? {} : { openJob: job.summary }),
    ...(needsOperator === undefined ? {} : { needsOperator }),
    ...(ledger.last === undefined ? {} : { lastClosed: ledger.last }),
    ...(serving === undefined ? {} : { serving }),
    ...(ledger.lastServing === undefined ? {} : { lastServing: ledger.lastServing }),
    ...(server === undefined ? {} : { server }),
    ...(database === undefined ? {} : { database }),
    ...(database === undefined && look.databaseRuns ? { databaseIsSilent: true } : {}),
    ...(override === undefined ? {} : { override }),
    ...(hooks === undefined ? {} : { hooks }),
    ...(keptVolumes.length === 0 ? {} : { keptVolumes }),
    ...(request.usage === true
      ? { usage: await diskUsage(paths, request.project, allVolumes(request, ledger)) }
      : {}),
  };
}

/** Those of a first deployment, and that to which the database was brought since. */
function allVolumes({ volumes }: InspectRequest, { serving }: Ledger): string[] {
  const { volume } = serving?.serving?.postgres ?? {};
  return [...new Set([...volumes, ...(volume === undefined ? [] : [volume])])];
}

/** What upgrades left and its operator has not removed. */
async function keptVolumesOf(
  { records }: Ledger,
  driver: Pick<ComposeDriver, "volumeFolder">,
): Promise<KeptVolume[]> {
  const left = records.flatMap(({ upgrade, sequence, closedAt }) =>
    upgrade === undefined
      ? []
      : [{ volume: upgrade.left, major: upgrade.from, sequence, at: closedAt }],
  );
  const folders = await Promise.all(left.map(({ volume }) => driver.volumeFolder(volume)));
  return left.filter((_, index) => folders[index] !== undefined);
}

function summaryOf(backups: readonly Backup[]): NonNullable<ServerState["backups"]> {
  const newest = backups.at(-1);
  if (newest === undefined) return { count: 0 };
  const { name, manifest } = newest;
  const provenAt = manifest.proof?.restoredAt;
  return {
    count: backups.length,
    newest: {
      ...{ name, takenAt: manifest.takenAt, size: manifest.dump.size },
      ...(provenAt === undefined ? {} : { provenAt }),
    },
  };
}

function reachOf(
  ledger: Ledger,
  prepared: readonly string[],
  backups: readonly Backup[],
  database: DatabaseFacts | undefined,
): Reach {
  const { name, copies = [] } = database ?? {};
  const revertPoints = name === undefined ? [] : usefulRevertPoints(copies, name, ledger);
  return {
    releases: servedReleases(ledger).filter(({ commit }) => prepared.includes(commit)),
    backups: backups.map(backupSummary),
    revertPoints: revertPoints.map((copy) => copy.name),
  };
}

/** Commits whose tree and image are there. */
export async function preparedCommits(
  paths: InstancePaths,
  driver: ComposeDriver,
): Promise<string[]> {
  const names = await readdir(paths.trees).catch(() => []);
  const commits = names.filter((name) => /^[0-9a-f]{40}$/.test(name));
  return driver.commitsWithImage(commits);
}

/** Compose's own judgement is asked for: only it knows what it accepts. */
async function overrideFacts(
  paths: InstancePaths,
  driver: ComposeDriver,
): Promise<OverrideFacts | undefined> {
  const found = await readOverride(paths);
  if (found === undefined) return undefined;
  const { name, text, ignored } = found;
  const problem = await driver.overrideProblem(name);
  return {
    ...{ name, ignored, changes: describeOverride(text) },
    ...(problem === undefined ? {} : { problem }),
  };
}
