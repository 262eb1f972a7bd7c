/** Reads what happened on this server and what can be gone back to. Changes nothing. */
import { join } from "node:path";
import { compareMigrations } from "../release/compare.ts";
import { compareCompose } from "../release/compose-compare.ts";
import { listBackups } from "./backups.ts";
import { ComposeDriver } from "./drivers/compose/compose-driver.ts";
import { readComposeFile } from "./drivers/compose/image.ts";
import type { Driver } from "./drivers/driver.ts";
import { preparedCommits } from "./inspect.ts";
import { openJob } from "./job.ts";
import { fittingDatabases, keptDatabases } from "./kept-databases.ts";
import { Ledger } from "./ledger.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import type {
  HistoryRequest,
  InstanceHistory,
  Loss,
  PastJob,
  WayBack,
} from "./history-protocol.ts";
import {
  type AppliedMigration,
  type KeptDatabase,
  type LedgerRecord,
  PROTOCOL,
  type ReleaseIdentity,
} from "./protocol.ts";
import { migrationName } from "./texts.ts";
import { uploadsSince } from "./uploads.ts";

export async function readHistory(request: HistoryRequest): Promise<InstanceHistory> {
  const paths = instancePaths(request.directory);
  const driver = new ComposeDriver(paths, request.project);
  const [ledger, prepared, database, job] = await Promise.all([
    Ledger.read(paths),
    preparedCommits(paths, driver),
    driver.database(),
    openJob(paths),
  ]);
  const serving = ledger.serving;
  const kept =
    database === undefined ? [] : await keptDatabases(paths, driver.databaseTools, ledger);
  return {
    protocol: PROTOCOL,
    jobs: pastJobs(ledger.records),
    waysBack: waysBack({
      ...{ ledger, kept },
      prepared: new Map(
        await Promise.all(
          prepared.map(
            async (commit) => [commit, await otherDatabase(paths, serving, commit)] as const,
          ),
        ),
      ),
      applied: database?.applied ?? ledger.lastServing?.serving?.applied ?? [],
    }),
    ...(serving === undefined ? {} : { serving: serving.sequence }),
    ...(job === undefined ? {} : { openJob: job.summary }),
    ...(request.compareWith === undefined
      ? {}
      : await lossOf(paths, driver, kept, request.compareWith, request.filesVolume)),
  };
}

/** The ledger without what only a revert needs. The work grows with the number of records. */
export function pastJobs(records: readonly LedgerRecord[]): PastJob[] {
  let before = new Set<number>();
  return records.map(({ serving, configurationDigest: _, database: _database, ...record }) => {
    const { release, reopenings: _reopenings, ...rest } = record;
    const past: PastJob = {
      ...rest,
      ...(release === undefined ? {} : { release: { name: release.name, commit: release.commit } }),
    };
    if (record.kind !== "switch" || record.outcome !== "done" || serving === undefined) return past;
    const added = serving.applied.filter(({ version }) => !before.has(version));
    before = new Set(serving.applied.map(({ version }) => version));
    return { ...past, migrations: added.map(migrationName), profiles: serving.profiles };
  });
}

/** What there is to go back with. */
export interface Means {
  ledger: Pick<Ledger, "records">;
  /** Commits that are on the server, each with why it can't take over the database, if so. */
  prepared: ReadonlyMap<string, string | undefined>;
  /** What the live database has. */
  applied: readonly AppliedMigration[];
  kept: readonly KeptDatabase[];
}

/** One for each commit that served or is prepared: however often it did, it is looked at once. */
export function waysBack({ ledger, prepared, applied, kept }: Means): WayBack[] {
  const releases = new Map<string, ReleaseIdentity>();
  for (const { kind, outcome, release } of ledger.records)
    if (
      release !== undefined &&
      (prepared.has(release.commit) || (kind === "switch" && outcome === "done"))
    )
      releases.set(release.commit, release);
  return [...releases.values()].map((release) => {
    const { missing, pending, edited } = compareMigrations(applied, release.migrations);
    const obstacle = prepared.get(release.commit);
    return {
      release: { name: release.name, commit: release.commit },
      ...(prepared.has(release.commit) ? { prepared: release } : {}),
      missing: [...missing, ...edited.map((entry) => entry.applied)].map(migrationName),
      pending: pending.map(migrationName),
      databases: fittingDatabases(kept, release).map(({ applied: then, ...database }) => ({
        ...database,
        pending: compareMigrations(then, release.migrations).pending.map(({ version }) => version),
      })),
      ...(obstacle === undefined ? {} : { obstacle }),
    };
  });
}

/** Why a prepared commit can't take over the database of what serves, by the files of both. */
async function otherDatabase(
  paths: InstancePaths,
  serving: LedgerRecord | undefined,
  commit: string,
): Promise<string | undefined> {
  const running = serving?.release?.commit;
  if (running === undefined || running === commit) return undefined;
  const read = (of: string): Promise<string> => readComposeFile(join(paths.trees, of));
  try {
    const { refusals } = compareCompose(await read(running), await read(commit), {
      placed: serving?.serving?.postgres?.major,
    });
    return refusals.length === 0 ? undefined : refusals.join("; ");
  } catch {
    // A tree that is not there can't be compared with.
    return undefined;
  }
}

async function lossOf(
  paths: InstancePaths,
  driver: Pick<Driver, "databaseTools" | "volumeFolder">,
  kept: readonly KeptDatabase[],
  name: string,
  filesVolume: string,
): Promise<{ loss?: Loss }> {
  const database = kept.find((entry) => entry.name === name);
  if (database === undefined) return {};
  const { databaseTools: tools } = driver;
  const [now, then] = await Promise.all([
    tools.contentOf(await tools.liveName()),
    database.way === "backup" ? backupContent(paths, name) : tools.contentOf(name),
  ]);
  const tables = new Set([...Object.keys(now.rows), ...Object.keys(then.rows)]);
  const rows = [...tables].map(
    (table) => [table, (now.rows[table] ?? 0) - (then.rows[table] ?? 0)] as const,
  );
  return {
    loss: {
      ...{ name, at: database.at },
      rows: Object.fromEntries(rows.filter(([, difference]) => difference !== 0)),
      uploads: (await uploadsSince(driver, filesVolume, Date.parse(database.at))).length,
    },
  };
}

async function backupContent(paths: InstancePaths, name: string) {
  const backup = (await listBackups(paths)).find((entry) => entry.name === name);
  if (backup === undefined) throw new Error(`the backup ${name} is gone`);
  return backup.manifest.dump.content;
}
