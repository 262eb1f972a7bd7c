/** A plan as the operator reads it: 80 columns, without colours, the first word says what it is. */
import { describeBytes } from "../../common/size.ts";
import { counted } from "../../common/text.ts";
import type { Effect } from "../../release/migrations/effects.ts";
import type { DatabaseWay } from "../../updater/protocol.ts";
import { migrationName, releaseText, replacementName } from "../../updater/texts.ts";
import type { Plan, PlannedEffect, PlannedMigration } from "./plan.ts";

const WIDTH = 80;
/** Where the text begins, after the label. */
const INDENT = 9;

/** Of changes, commits and tables no more is shown than this; the rest is counted. */
const MOST_LINES = 12;

export function renderPlan(plan: Plan): string {
  return [
    ...line(firstWord(plan), title(plan)),
    ...(plan.nothingServes === true ? line("Serves", lastServed(plan)) : []),
    ...(plan.notCompared === undefined ? [] : line("Unknown", NOT_COMPARED)),
    ...notes(plan),
    ...(plan.breaking.length === 0 ? [] : line("BREAKING", list(plan.breaking, "; "))),
    ...(plan.required.length === 0 ? [] : line("Settings", required(plan.required))),
    ...line("Changes", services(plan)),
    ...(plan.override === undefined ? [] : line("Yours", `${plan.override} (kept)`)),
    ...database(plan),
    ...stepsAndFailure(plan, plan.database?.pending.length ?? 0),
    ...line("Disk", disk(plan)),
  ].join("\n");
}

/** What is done, and what happens where it fails. */
export function stepsAndFailure(plan: Course, pending: number): string[] {
  return [...line("Steps", steps(plan, pending)), ...line("Failure", failure(plan, pending))];
}

/** What the course of an update depends on, besides its migrations. */
export type Course = Pick<Plan, "from" | "nothingServes" | "imageIsThere" | "last" | "replacement">;

export const NOT_COMPARED =
  "what runs is not in the repository as it is known here: commits, changes and compose file can't be compared";

/** What the run is: by the commits; where these can't be compared, by the versions. */
export function firstWord(plan: Plan): "UPDATE" | "GO BACK" | "CHANGE" {
  if (plan.notCompared === "unknown") return "CHANGE";
  return isBack(plan) ? "GO BACK" : "UPDATE";
}

/** Whether the release asked for is an older one. */
function isBack({ ahead, behind, notCompared }: Plan): boolean {
  return notCompared === undefined ? ahead === 0 && behind > 0 : notCompared === "older";
}

function title({ from, to, ahead, behind, nothingServes }: Plan): string {
  const counts = [
    ...(ahead > 0 ? [counted(ahead, "commit")] : []),
    ...(behind > 0
      ? [`without ${counted(behind, "commit")} of what ${nothingServes === true ? "ran" : "runs"}`]
      : []),
  ];
  return `${releaseText(from)} -> ${releaseText(to)}   ${counts.join(", ")}`.trim();
}

function lastServed({ from }: Plan): string {
  return `nothing now: its containers were removed; ${releaseText(from)} was the last`;
}

/** Without an entry nothing is known: that a changelog is silent never means that nothing breaks. */
function notes({ changelog, changelogEndsAt, commits, notCompared }: Plan): string[] {
  const changes = changelog.flatMap((entry) =>
    entry.changes.map((change) => `${entry.version}: ${change}`),
  );
  if (changes.length > 0)
    return limited(changes).flatMap((change, at) => line(at === 0 ? "Notes" : "", change));
  if (notCompared !== undefined) return [];
  const end =
    changelogEndsAt === undefined ? "no changelog" : `changelog ends at ${changelogEndsAt}`;
  if (commits.length === 0) return line("Notes", end);
  return line("Notes", `${end}; commits: ${list(commits, "; ")}`);
}

function required(variables: Plan["required"]): string {
  const [set, missing] = [true, false].map((isSet) =>
    variables.filter((variable) => variable.isSet === isSet).map(({ name }) => name),
  );
  return [
    ...(missing?.length === 0 ? [] : [`${missing?.join(", ")}: required from now on`]),
    ...(set?.length === 0 ? [] : [`${set?.join(", ")}: required from now on, you have it`]),
  ].join("; ");
}

/** More than these says nothing more. */
const MANY_UPDATES = 20;

function disk(plan: Plan): string {
  const { needed, free, updates } = plan.disk;
  const unknown = [
    ...(plan.nothingServes === true && plan.database?.bytes === undefined
      ? ["the backup, whose size is not known"]
      : []),
    ...(plan.replacement?.way === "backup" ? ["the uploads that it puts back"] : []),
  ];
  const besides = unknown.length === 0 ? "" : ` besides ${unknown.join(", and ")}`;
  const space = `needs about ${describeBytes(needed)}${besides}, ${describeBytes(free)} free`;
  if (updates === 0) return `${space}: MAY NOT BE ENOUGH`;
  const many = updates > MANY_UPDATES ? `more than ${MANY_UPDATES}` : String(updates);
  return `${space}: room for ${many} such ${updates === 1 ? "update" : "updates"}`;
}

function services({ services: { changed, added, removed }, notCompared }: Plan): string {
  if (notCompared !== undefined)
    return "chatalot gets a new image; of other services nothing is known";
  const others = changed.map(({ service, because }) => `${service} (${because.join(", ")})`);
  return [
    "chatalot gets a new image",
    ...(others.length === 0 ? [] : [`made anew, too: ${others.join("; ")}; data stay`]),
    ...(added.length === 0 ? [] : [`new: ${added.join(", ")}`]),
    ...(removed.length === 0 ? [] : [`gone: ${removed.join(", ")}`]),
  ].join("; ");
}

function database({ database: facts, nothingServes, from, replacement }: Plan): string[] {
  if (replacement !== undefined)
    return [
      ...line("Database", replacedText(replacement, facts && countsText(facts), facts?.bytes)),
      ...migrationLines(facts?.pending ?? []),
    ];
  if (facts === undefined) return line("Database", "it does not answer, so nothing is known of it");
  const { bytes, pending } = facts;
  const size =
    bytes !== undefined
      ? `${describeBytes(bytes)}; `
      : nothingServes === true
        ? `stopped, as ${releaseText(from)} left it; `
        : "";
  return [...line("Database", `${size}${countsText(facts)}`), ...migrationLines(pending)];
}

/** How many migrations the database has, and gets. */
export function countsText({ applied, pending }: NonNullable<Plan["database"]>): string {
  return `${counted(applied, "migration")} applied, ${pending.length === 0 ? "none" : pending.length} to come`;
}

function migrationLines(pending: readonly PlannedMigration[]): string[] {
  return limited(pending.map(migration)).flatMap((text) => line("", text));
}

/** What the database becomes, and that the one of now is not lost. */
export function replacedText(
  replacement: NonNullable<Plan["replacement"]>,
  migrations = "its migrations are not known yet",
  bytes?: number,
): string {
  const size = bytes === undefined ? "" : `, ${describeBytes(bytes)},`;
  return `replaced by ${replacementName(replacement)}: ${migrations}; the one of now${size} is kept under another name`;
}

const OUT_OF_ORDER = "BELOW ONE THAT IS APPLIED";

function migration(planned: PlannedMigration): string {
  const order = planned.isOutOfOrder ? `, ${OUT_OF_ORDER}` : "";
  return `${migrationName(planned)}${order} | ${effectsText(planned)}`;
}

function effectsText({ effects }: PlannedMigration): string {
  return effects.length === 0 ? "no table is changed" : list(effects.map(effectText), "; ");
}

function effectText({ on, what, cost, isDestructive, reads, bytes }: PlannedEffect): string {
  const size = bytes === undefined ? "" : ` (${describeBytes(bytes)})`;
  const where = on === "" ? "" : `${on}${reads === undefined ? size : ""}: `;
  const from = reads === undefined ? "" : ` from ${list(reads, ", ")}${size}`;
  return `${where}${what}${from}, ${isDestructive ? "DATA GO, " : ""}${COSTS[cost]}`;
}

const COSTS: Record<Effect["cost"], string> = {
  instant: "instant",
  reads: "reads the table",
  writes: "writes the table anew",
  unknown: "unknown how long",
};

function steps(
  { imageIsThere, last, nothingServes, replacement }: Course,
  pending: number,
): string {
  const image = imageStep(imageIsThere, last.build);
  const backup = `backup${about(last.backup)}`;
  const migrations = `${replacement?.way === "undo-scripts" ? ", undo scripts on a copy" : ""}${pending > 0 ? ", migrations" : ""}`;
  const made = replacement === undefined ? "" : `, ${MADE[replacement.way]}`;
  if (nothingServes === true)
    return `${image}, database started, ${backup}${made}, start${migrations}: CHAT IS AWAY until it is healthy`;
  return `${image}, ${backup}${made}: chat stays up; swap${about(last.away)}${migrations}: CHAT IS AWAY`;
}

/** @param build how long it took last, in milliseconds */
export function imageStep(isThere: boolean, build: number | undefined): string {
  return isThere ? "the image is there" : `the image is made first${about(build)}`;
}

/** @param away how long it was when what serves was brought, in milliseconds */
export function restartStep(away: number | undefined): string {
  return `no build, no migration; one restart of the server${about(away)}: CHAT IS AWAY`;
}

/** How the other database is made while the chat serves. */
const MADE: Record<DatabaseWay, string> = {
  backup: "the other database restored beside the live one",
  "revert-point": "the other database copied beside the live one",
  "undo-scripts": "undo scripts tried on a copy",
};

/** ` about 12 s`; empty where nothing is known. */
export function about(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "";
  const seconds = Math.max(1, Math.round(milliseconds / 1_000));
  return seconds < 120 ? ` about ${seconds} s` : ` about ${Math.round(seconds / 60)} min`;
}

function failure({ from, last, nothingServes, replacement }: Course, pending: number): string {
  const back =
    `${releaseText(from)} comes back by itself` +
    (last.back === undefined ? "" : ` (last time the chat was away${about(last.back)})`);
  if (replacement !== undefined)
    return `${nothingServes === true ? "nothing serves, as now" : back}, and the database of now is live again; nobody can write in between`;
  if (nothingServes === true)
    return (
      "nothing serves, as now; the database " +
      (pending === 0 ? "is not touched" : "is as it was, and nobody can write in between")
    );
  return (
    back +
    (pending === 0
      ? "; its database is not touched"
      : ", with its database as it was when it stopped; nobody can write in between")
  );
}

/**
 * A plan as inputs of its resource, for `--diff` and `--json`: its migrations each as one line of text. As
 * lists of effects 500 of them cost a second on their way through the engine to the program and back.
 */
export function planInputs({ database: facts, ...others }: Plan): Record<string, unknown> {
  if (facts === undefined) return others;
  const pending: Record<string, string> = {};
  for (const planned of facts.pending) {
    const order = planned.isOutOfOrder ? `${OUT_OF_ORDER}; ` : "";
    pending[migrationName(planned)] = `${order}${effectsText(planned)}`;
  }
  return { ...others, database: { ...facts, pending } };
}

/** A labelled line, broken at spaces where it is too long. */
export function line(label: string, text: string): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > WIDTH - INDENT) {
    const space = rest.lastIndexOf(" ", WIDTH - INDENT);
    const end = space > 0 ? space : WIDTH - INDENT;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  lines.push(rest);
  return lines.map((part, at) => `${(at === 0 ? label : "").padEnd(INDENT)}${part}`.trimEnd());
}

/** A text that is told by itself, in the columns of a plan. */
export function labelled(label: string, text: string): string {
  return line(label, text).join("\n");
}

/** Some of a list, and how many more there are. */
export function list(items: readonly string[], separator: string): string {
  return limited(items).join(separator);
}

function limited(items: readonly string[]): string[] {
  const rest = items.length - MOST_LINES;
  return rest <= 0 ? [...items] : [...items.slice(0, MOST_LINES), `and ${rest} more`];
}
