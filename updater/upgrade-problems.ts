/** Why a request can't be followed because of the version of PostgreSQL that it asks for, or that the database has. */
import { readBackup } from "./backups.ts";
import type { Ledger } from "./ledger.ts";
import type { InstancePaths } from "./paths.ts";
import type { Placement } from "./placed-database.ts";
import type { SwitchRequest } from "./protocol.ts";

/** Another version is brought alone: what fails then has one cause, and the way back is the old volume. */
export function upgradeProblems(
  { placed }: Placement,
  { release, database }: SwitchRequest,
  { serving }: Ledger,
): string[] {
  if (placed === undefined || placed.volume !== undefined) return [];
  const what = `PostgreSQL ${placed.major} (databaseImage ${placed.image})`;
  if (serving?.release === undefined)
    return [`${what} can't be brought while nothing serves: deploy with the version before first.`];
  if (serving.release.commit !== release.commit)
    return [
      `${what} can't be brought together with another release. Take one after the other: set release to what ` +
        `serves, ${serving.release.name}, for the upgrade, or databaseImage to what it was for the release.`,
    ];
  return database !== undefined && database.job === serving.sequence
    ? [
        `${what} can't be brought together with a database of an earlier moment. Do one after the other.`,
      ]
    : [];
}

/**
 * A dump of a newer version may have what an older one doesn't know, which a new server has by the release's file.
 *
 * @param major what the database will be of; undefined: not known
 */
export async function backupProblems(
  paths: InstancePaths,
  { database }: SwitchRequest,
  { serving }: Ledger,
  major: number | undefined,
): Promise<string[]> {
  if (database?.backup === undefined || database.job !== (serving?.sequence ?? 0)) return [];
  const dump = (await readBackup(paths, database.backup))?.manifest.dump;
  const from = parseInt(dump?.postgresVersion ?? "", 10);
  if (major === undefined || !(from > major)) return [];
  return [
    `the backup ${database.backup} is of PostgreSQL ${from}, and the database would be of ${major}, which may not ` +
      `read it. Nothing was changed. Let it have that version: pulumi config set databaseImage postgres:${from}`,
  ];
}
