/** What an update will put out of reach, said before it does. */
import { compareMigrations } from "../release/compare.ts";
import type { Reach, ReleaseIdentity, ServerState } from "../updater/protocol.ts";
import { isProofDue, type Keep, leaving } from "../updater/retention.ts";
import { releaseText } from "../updater/texts.ts";
import type { Wire } from "./codec.ts";
import { identityOf } from "./release.ts";
import { labelled } from "./plan/render.ts";
import type { ResourceContext } from "./resource.ts";

/**
 * Tells what the retention of this update will remove, and gives it as inputs for `--diff` and `--json`.
 * Nothing is said where no other release is asked for, or where the server is of an older version.
 */
export function leavingAddition(context: ResourceContext, news: Wire, state: ServerState): Wire {
  const keep: Keep = {
    releases: news.keepReleases as number,
    backups: news.keepBackups as number,
    revertPoints: news.keepRevertPoints as number,
  };
  const names = leavingNames(identityOf(news), state, keep, news.rollback !== undefined);
  if (names.length === 0) return {};
  context.tell(
    labelled(
      "Leaves",
      `Once this update is committed, these are removed and can't be gone back to: ${names.join(", ")} ` +
        `(keep.releases ${keep.releases}, backup.keepLast ${keep.backups}, keep.revertPoints ` +
        `${keep.revertPoints}). To keep more, raise the number first.`,
    ),
  );
  return { leavesReach: names };
}

/**
 * What retention will remove once a release is committed, as people name it.
 *
 * @param replacesDatabase whether an earlier database takes the place of the live one
 */
export function leavingNames(
  next: Pick<ReleaseIdentity, "commit" | "migrations">,
  state: ServerState,
  keep: Keep,
  replacesDatabase = false,
): string[] {
  const gone = leavingReach(next, state, keep, replacesDatabase);
  if (gone === undefined) return [];
  return [
    ...gone.releases.map(releaseText),
    ...gone.backups.map(({ name }) => `backup ${name}`),
    ...gone.revertPoints.map((name) => `revert point ${name}`),
  ];
}

function leavingReach(
  { commit, migrations }: Pick<ReleaseIdentity, "commit" | "migrations">,
  state: ServerState,
  keep: Keep,
  replacesDatabase: boolean,
): Reach | undefined {
  const { reach, serving, database } = state;
  const running = serving?.release?.commit;
  if (reach === undefined || running === undefined || running === commit) return undefined;
  const pending =
    database === undefined ? [] : compareMigrations(database.applied, migrations).pending;
  const changesDatabase = pending.length > 0 || replacesDatabase;
  return leaving(
    reach,
    {
      commit,
      isBackupProven: changesDatabase || isProofDue(reach.backups),
      hasRevertPoint: pending.length > 0 && !replacesDatabase,
    },
    keep,
  );
}
