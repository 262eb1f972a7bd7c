/** Which database takes the live one's place, where a way was asked for. */
import { compareMigrations } from "../../release/compare.ts";
import { readBackup } from "../backups.ts";
import { chosenDatabase, fittingDatabases, keptDatabases } from "../kept-databases.ts";
import type { AppliedMigration, KeptDatabase, UndoScript } from "../protocol.ts";
import { migrationName } from "../texts.ts";
import { type JobContext, switchTarget, wantedRelease } from "./step.ts";

/**
 * The database of the way that was asked for; none is taken that the release can't start on.
 *
 * @param applied what the live database has
 * @returns undefined where the release gets the live one
 */
export async function chooseReplacement(
  context: JobContext,
  applied: readonly AppliedMigration[],
): Promise<KeptDatabase | undefined> {
  const { driver, ledger, paths } = context;
  const way = switchTarget(context).databaseWay;
  if (way === undefined) return undefined;
  if (way === "undo-scripts") return undone(context, applied);
  const named = switchTarget(context).databaseBackup;
  if (named !== undefined) return namedBackup(context, named);
  const kept = await keptDatabases(paths, driver.databaseTools, ledger);
  const release = wantedRelease(context);
  const chosen = chosenDatabase(fittingDatabases(kept, release), way);
  if (chosen !== undefined) return chosen;
  const others = kept.filter((database) => database.way === way).map(({ name }) => name);
  throw new Error(
    `there is no ${way} that ${release.name} can start on` +
      (others.length === 0 ? "" : `: ${others.join(", ")} have migrations that it does not know`),
  );
}

/** Also one that was not proven yet: it is compared with what was dumped before anything is touched. */
async function namedBackup(context: JobContext, name: string): Promise<KeptDatabase> {
  const backup = await readBackup(context.paths, name);
  if (backup === undefined) throw new Error(`there is no backup ${name} on the server`);
  const { sequence, takenAt, dump, damage } = backup.manifest;
  if (damage !== undefined)
    throw new Error(`the backup ${name} is damaged, found ${damage.foundAt}: ${damage.what}`);
  const { applied } = dump.content;
  const release = wantedRelease(context);
  const { missing, edited } = compareMigrations(applied, release.migrations);
  const unknown = [...missing, ...edited.map(({ release: migration }) => migration)];
  if (unknown.length > 0)
    throw new Error(
      `${release.name} can't start on the backup ${name}, which has ` +
        `${unknown.map(migrationName).join(", ")}: the release has other migrations`,
    );
  return { way: "backup", name, sequence, at: takenAt, applied };
}

/** The scripts for the migrations that the release doesn't know, the newest migration first. */
export function neededScripts(
  context: JobContext,
  applied: readonly AppliedMigration[],
): UndoScript[] {
  const { missing } = compareMigrations(applied, wantedRelease(context).migrations);
  const scripts = new Map(
    (switchTarget(context).undoScripts ?? []).map((script) => [script.version, script]),
  );
  const lacking = missing.filter(({ version }) => !scripts.has(version));
  if (lacking.length > 0)
    throw new Error(`there is no undo script for ${lacking.map(migrationName).join(", ")}`);
  return missing.flatMap(({ version }) => scripts.get(version) ?? []).reverse();
}

/** What the live database will be without the migrations that the release doesn't know. */
async function undone(
  context: JobContext,
  applied: readonly AppliedMigration[],
): Promise<KeptDatabase> {
  const { driver, job, ledger } = context;
  const versions = new Set(neededScripts(context, applied).map(({ version }) => version));
  if (versions.size === 0)
    throw new Error("there is nothing to undo: the release knows all migrations of the database");
  // Uploads of that time on may be known by tables alone that the scripts drop.
  const first = ledger.records.find(({ serving }) =>
    serving?.applied.some(({ version }) => versions.has(version)),
  );
  return {
    way: "undo-scripts",
    name: await driver.databaseTools.liveName(),
    sequence: job.sequence,
    at: first?.openedAt ?? job.opened.at,
    applied: applied.filter(({ version }) => !versions.has(version)),
  };
}
