/** What a rollback would do, for the operator to read before it is done. */
import { releaseText } from "../../updater/texts.ts";
import type { Loss } from "../../updater/history-protocol.ts";
import type { HistoryEntry } from "../history/entries.ts";
import type { DatabaseChoice, Target } from "./target.ts";

export interface RollbackPlan {
  serving: HistoryEntry | undefined;
  target: Target;
  /** The names of variables, profiles and services with another image that change; undefined where the earlier ones are not known. */
  changes: string[] | undefined;
  /** Whether secret variables go back, too. */
  withSecrets: boolean;
  /** What takes the live database's place. */
  database: DatabaseChoice | undefined;
  loss: Loss | undefined;
}

/** One fact a line. */
export function planText(plan: RollbackPlan): string[] {
  const { serving, target, database } = plan;
  const from = serving?.release === undefined ? "nothing" : releaseText(serving.release);
  const facts: [string, string][] = [
    ["GO BACK", `${from} -> ${releaseText(target.release)}, as of job ${target.job}`],
    ["Then", `${target.at} by ${target.by ?? "nobody known"}`],
    ["Settings", settingsText(plan)],
    ...(target.back.missing.length === 0
      ? []
      : [["Between", target.back.missing.join(", ")] as [string, string]]),
    ["Needs", database === undefined ? target.back.needs : databaseText(database)],
    ...lossText(plan.loss).map((text): [string, string] => ["Left out", text]),
    [
      "Failure",
      `${from} comes back by itself${database === undefined ? "" : ", with its database"}`,
    ],
  ];
  return facts.map(([name, text]) => `${name.padEnd(10)}${text}`);
}

function settingsText({ changes, withSecrets }: RollbackPlan): string {
  const secrets = withSecrets ? "; secretEnv goes back, too" : "; secretEnv stays as it is";
  if (changes === undefined)
    return `env stays as it is: Pulumi's history doesn't have that update${secrets}`;
  return `${changes.length === 0 ? "env, profiles and sideImages are the same" : changes.join(", ")}${secrets}`;
}

function databaseText(database: DatabaseChoice): string {
  const what =
    database.way === "undo-scripts"
      ? "your undo scripts, run on a copy"
      : `the ${database.way} ${database.name}, of ${database.at}`;
  return `${what}; the database of now is kept under another name`;
}

/** What is not in the chat afterwards, and where it is. */
export function lossText(loss: Loss | undefined): string[] {
  if (loss === undefined) return [];
  const tables = Object.entries(loss.rows).filter(([table]) => table !== "public._sqlx_migrations");
  const rows = tables.map(
    ([table, difference]) =>
      `${table.replace(/^public\./, "")} ${difference > 0 ? "+" : ""}${difference}`,
  );
  const uploads = `${loss.uploads} ${loss.uploads === 1 ? "upload" : "uploads"}`;
  return [
    `since then: ${rows.length === 0 ? "no table has more or fewer rows" : `rows ${rows.join(", ")}`}; ` +
      `${uploads}. All of it is kept on the server`,
  ];
}
