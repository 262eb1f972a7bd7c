/** The history for people: one line for each update. */
import { describeMilliseconds } from "../../common/duration.ts";
import { releaseText } from "../../updater/texts.ts";
import { table } from "../table.ts";
import type { HistoryEntry } from "./entries.ts";

const HEADINGS = [
  "JOB",
  "WHEN",
  "WHO",
  "RELEASE",
  "MIGRATIONS",
  "RESULT",
  "TOOK",
  "AWAY",
  "BACKUP",
  "GO BACK",
];

/** One line for each entry, below the headings. */
export function historyTable(entries: readonly HistoryEntry[]): string[] {
  return table([HEADINGS, ...entries.map(rowOf)]);
}

function rowOf(entry: HistoryEntry): string[] {
  const { job, at, by, release, migrations, result, durations, backup, back } = entry;
  return [
    job === undefined ? "-" : String(job),
    at.slice(0, 16).replace("T", " "),
    by ?? "-",
    release === undefined ? "-" : releaseText(release),
    migrations.length === 0 ? "-" : `+${migrations.length}`,
    entry.replacement === undefined ? result : `${result}, by ${entry.replacement.way}`,
    time(durations?.total),
    time(durations?.downtime),
    backup === undefined ? "-" : backup.name,
    back?.needs ?? (entry.pulumi === undefined ? "-" : "no"),
  ];
}

function time(seconds: number | undefined): string {
  return seconds === undefined ? "-" : describeMilliseconds(seconds * 1_000);
}
