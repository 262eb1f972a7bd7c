/** Which earlier update is gone back to, and by what. */
import { UserError } from "../../common/errors.ts";
import { parseReference, problemOfReference } from "../../release/reference.ts";
import { chosenDatabase, firstOfEachWay } from "../../updater/kept-databases.ts";
import { releaseText } from "../../updater/texts.ts";
import type { WayBack } from "../../updater/history-protocol.ts";
import type { DatabaseWay } from "../../updater/protocol.ts";
import type { Back, HistoryEntry } from "../history/entries.ts";

/** What takes the live database's place; undo scripts make it of the live one. */
export type DatabaseChoice =
  | { way: "undo-scripts" }
  | (WayBack["databases"][number] & { way: Exclude<DatabaseWay, "undo-scripts"> });

/** An update that served, and can be gone back to as far as it is known. */
export interface Target extends HistoryEntry {
  job: number;
  release: { name: string; commit: string };
  back: Back;
}

/**
 * Finds the update.
 *
 * @param entries newest first
 * @param to a job's number, a tag or a commit; by default the release that served before this one
 * @throws UserError where there is none, it serves already, or it can't serve again
 */
export function chooseTarget(entries: readonly HistoryEntry[], to?: string): Target {
  const targets = entries.filter(isTarget);
  const serving = targets.find(({ back }) => back.state === "serves");
  const found = to === undefined ? before(targets, serving) : named(targets, to);
  if (found === undefined)
    throw new UserError(
      to === undefined
        ? "There is nothing to go back to: no other release served here before. See npx chatalot history."
        : `There is nothing to go back to: no update of the history is ${JSON.stringify(to)}, by its number, ` +
            "its tag or its commit, and served. See npx chatalot history.",
    );
  if (found.back.state === "serves")
    throw new UserError(
      `${releaseText(found.release)} serves already, by job ${found.job}. Choose another one: npx chatalot history`,
    );
  if (found.back.state === "impossible")
    throw new UserError(
      `${releaseText(found.release)} can't serve again: ${found.back.needs}. Choose another one: npx chatalot history`,
    );
  return found;
}

function isTarget(entry: HistoryEntry): entry is Target {
  return entry.job !== undefined && entry.release !== undefined && entry.back !== undefined;
}

function before(targets: readonly Target[], serving: Target | undefined): Target | undefined {
  return targets.find(
    ({ job, release }) =>
      serving === undefined || (job < serving.job && release.commit !== serving.release.commit),
  );
}

/** A number is a job's; digits that are no job's may be a commit's. */
function named(targets: readonly Target[], to: string): Target | undefined {
  const byJob = /^\d+$/.test(to) ? targets.find(({ job }) => job === Number(to)) : undefined;
  if (byJob !== undefined) return byJob;
  if (problemOfReference(to) !== undefined) return undefined;
  const { tag, commit } = parseReference(to);
  return targets.find(
    ({ release }) =>
      (commit === undefined || release.commit.startsWith(commit)) &&
      (tag === undefined || parseReference(release.name).tag === tag),
  );
}

/**
 * The database that the release is given.
 *
 * @returns undefined where it takes the one that is live
 * @throws UserError where it can't, and none was chosen, or the chosen way has none
 */
export function databaseFor(
  target: Target,
  way: DatabaseWay | "refuse",
): DatabaseChoice | undefined {
  const name = releaseText(target.release);
  const { state, missing, databases } = target.back;
  if (way === "refuse") {
    if (state !== "needs-database") return undefined;
    throw new UserError(
      `${name} can't start on this database: it does not know ${missing.join(", ")}. Nothing was changed. ` +
        "Choose what the database becomes:\n" +
        [
          ...firstOfEachWay(databases).map(
            ({ way: kind, at }) =>
              `  --database ${kind}   its data of ${at}; what was written since is not in the chat then`,
          ),
          "  --database undo-scripts --scripts <folder>   your SQL, run on a copy: docs/rollback.md",
          "The database of now is kept under another name in any case.",
        ].join("\n"),
    );
  }
  if (way === "undo-scripts") {
    if (missing.length > 0) return { way };
    throw new UserError(
      `There is nothing to undo: ${name} knows all migrations of the database. Leave "--database" away.`,
    );
  }
  const chosen = chosenDatabase(databases, way);
  if (chosen !== undefined) return { ...chosen, way };
  const others = firstOfEachWay(databases).map((database) => database.way);
  throw new UserError(
    `There is no ${way} that ${name} can start on. Nothing was changed. ${
      others.length === 0
        ? "Choose another release: npx chatalot history"
        : `There is a ${others.join(" and a ")}.`
    }`,
  );
}
