/** The database that takes the live one's place, as far as it is known before. */
import { compareMigrations } from "../../release/compare.ts";
import type { DatabaseRollback } from "../../settings/parse.ts";
import type { FittingDatabase } from "../../updater/history-protocol.ts";
import { chosenDatabase } from "../../updater/kept-databases.ts";
import type { AppliedMigration, ReleaseIdentity } from "../../updater/protocol.ts";
import type { RemoteServer } from "../server/remote-server.ts";
import { historyIfInstalled } from "../server/server-history.ts";

/** Without a name it is not known yet; one that has not been proven is known by its name alone. */
export type PlannedReplacement = Pick<FittingDatabase, "way"> & Partial<FittingDatabase>;

/** Which database a release gets by the way that was chosen. */
export async function plannedReplacement(
  { way, backup }: DatabaseRollback,
  commit: string,
  server: RemoteServer,
): Promise<PlannedReplacement> {
  if (way === "undo-scripts") return { way };
  const history = await historyIfInstalled(server);
  const back = history?.waysBack.find(({ release }) => release.commit === commit);
  const found =
    backup === undefined
      ? chosenDatabase(back?.databases ?? [], way)
      : back?.databases.find((database) => database.way === way && database.name === backup);
  return found ?? { way, ...(backup === undefined ? {} : { name: backup }) };
}

/**
 * What is applied in the database that a release is started on.
 *
 * @param live what the live database has
 * @returns undefined where it is not known
 */
export function appliedBefore(
  { migrations }: Pick<ReleaseIdentity, "migrations">,
  live: readonly AppliedMigration[] | undefined,
  replacement: PlannedReplacement | undefined,
): readonly AppliedMigration[] | undefined {
  if (replacement === undefined || live === undefined) return live;
  if (replacement.way === "undo-scripts") {
    const undone = new Set(compareMigrations(live, migrations).missing);
    return live.filter((migration) => !undone.has(migration));
  }
  const { pending } = replacement;
  // It fits, so that it has nothing but the release's own.
  return pending && migrations.filter(({ version }) => !pending.includes(version));
}
