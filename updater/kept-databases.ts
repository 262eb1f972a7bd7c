/**
 * Databases of earlier moments: copies beside the live one, and proven backups. A release can be given
 * one of them where it does not know the migrations of the live one.
 */
import { compareMigrations } from "../release/compare.ts";
import { type Backup, listBackups } from "./backups.ts";
import type { DatabaseTools } from "./drivers/database-tools.ts";
import type { Ledger } from "./ledger.ts";
import type { InstancePaths } from "./paths.ts";
import { numberedCopies } from "./retention.ts";
import type {
  AppliedMigration,
  DatabaseWay,
  KeptDatabase,
  Outcome,
  ReleaseIdentity,
} from "./protocol.ts";

/**
 * Names of databases beside the live one, each after the live one and the job, which is never repeated:
 * the copy from before its migrations, what a failed release left, what a rollback left, and what a
 * rollback is about to put in its place.
 */
export const revertPointName = (live: string, sequence: number): string =>
  `${live}_before_${sequence}`;
export const failedName = (live: string, sequence: number): string => `${live}_failed_${sequence}`;
export const leftName = (live: string, sequence: number): string => `${live}_left_${sequence}`;
export const nextName = (live: string, sequence: number): string => `${live}_next_${sequence}`;

/** The names that a job may give to databases beside the live one. */
export function copyNames(live: string, sequence: number): string[] {
  return [revertPointName, failedName, leftName, nextName].map((name) => name(live, sequence));
}

/** What says which names databases have. */
export type DatabaseNames = Pick<DatabaseTools, "names" | "invalidNames" | "liveName">;

/** All names that are taken: a database whose removal was interrupted has its own still. */
export async function takenNames(tools: DatabaseNames): Promise<{ live: string; names: string[] }> {
  const [live, ...found] = await Promise.all([
    tools.liveName(),
    tools.names(),
    tools.invalidNames(),
  ]);
  return { live, names: found.flat() };
}

/** The jobs by which databases beside the live one are called, also those that no ledger knows any more. */
export async function numbersOfCopies(tools: DatabaseNames): Promise<number[]> {
  const { live, names } = await takenNames(tools);
  return ["before", "failed", "left", "next"]
    .flatMap((kind) => numberedCopies(names, live, kind))
    .map(({ sequence }) => sequence);
}

/**
 * How a job ends whose copy has what was live before it. One that was taken back has it as the live one itself,
 * and one that needs a person may have it in the copy alone.
 */
const KEEPING: readonly Outcome[] = ["done", "needs-operator"];

/** All that there are, the oldest first. */
export async function keptDatabases(
  paths: InstancePaths,
  tools: Pick<DatabaseTools, "names" | "liveName">,
  ledger: Pick<Ledger, "records">,
): Promise<KeptDatabase[]> {
  const [names, live, backups] = await Promise.all([
    tools.names(),
    tools.liveName(),
    listBackups(paths),
  ]);
  return [...keptCopies(names, live, ledger), ...keptBackups(backups)];
}

/**
 * Copies of the live database that jobs left, also those that could not go back. What they have applied is what
 * the last committed job before them had.
 */
export function keptCopies(
  names: readonly string[],
  live: string,
  { records }: Pick<Ledger, "records">,
): KeptDatabase[] {
  const there = new Set(names);
  let applied: AppliedMigration[] | undefined;
  const kept: KeptDatabase[] = [];
  for (const { sequence, openedAt, kind, outcome, serving } of records) {
    if (kind !== "switch") continue;
    for (const name of [revertPointName(live, sequence), leftName(live, sequence)])
      if (there.has(name) && applied !== undefined && KEEPING.includes(outcome))
        kept.push({ way: "revert-point", name, sequence, at: openedAt, applied });
    if (outcome === "done" && serving !== undefined) applied = serving.applied;
  }
  return kept;
}

/** Those that were restored once; of the others nobody knows. */
function keptBackups(backups: readonly Backup[]): KeptDatabase[] {
  return backups
    .filter(({ manifest }) => manifest.proof !== undefined)
    .map(({ name, manifest: { sequence, takenAt, dump, databaseSize } }) => ({
      ...{ way: "backup", name, sequence, at: takenAt },
      applied: dump.content.applied,
      size: databaseSize,
    }));
}

/**
 * Those that a release can start on. First those that have exactly its migrations, since the others are
 * of a release before it; among equals the newest.
 */
export function fittingDatabases(
  kept: readonly KeptDatabase[],
  release: Pick<ReleaseIdentity, "migrations">,
): KeptDatabase[] {
  return kept
    .flatMap((database) => {
      const { missing, edited, pending } = compareMigrations(database.applied, release.migrations);
      return missing.length + edited.length > 0 ? [] : [{ database, pending: pending.length }];
    })
    .sort((a, b) => a.pending - b.pending || b.database.sequence - a.database.sequence)
    .map(({ database }) => database);
}

/** The best one of a way; undefined where there is none. */
export function chosenDatabase<T extends { way: DatabaseWay }>(
  fitting: readonly T[],
  way: DatabaseWay,
): T | undefined {
  return fitting.find((database) => database.way === way);
}

/** The best one of each way. */
export function firstOfEachWay<T extends { way: DatabaseWay }>(fitting: readonly T[]): T[] {
  return fitting.filter((database) => chosenDatabase(fitting, database.way) === database);
}
