/** The releases of the repository that are newer than the one that serves. */
import semver from "semver";
import { UserError } from "../../common/errors.ts";
import { counted } from "../../common/text.ts";
import { movedTagRefusals } from "../../provider/moved-tag.ts";
import { describedIfThere } from "../../provider/release-facts.ts";
import { breakingChanges } from "../../release/breaking.ts";
import { compareChangelogs } from "../../release/changelog.ts";
import { compareMigrations } from "../../release/compare.ts";
import { commitsBetween } from "../../release/history.ts";
import type { Mirror } from "../../release/mirror.ts";
import { describeRelease, type Release } from "../../release/release.ts";
import { listTags, taggedVersion } from "../../release/tags.ts";
import type { ReleaseIdentity, ServerState } from "../../updater/protocol.ts";
import { migrationName, releaseText } from "../../updater/texts.ts";

/** A release that can be updated to. */
export interface AvailableUpdate {
  tag: string;
  commit: string;
  /** The day of its commit, `2026-11-24`. */
  date: string;
  /** A version with a suffix, or no version at all: never proposed by itself. */
  isPreview: boolean;
  /** Commits that what serves doesn't have; absent: not known, as the repository doesn't have what serves. */
  commits?: number;
  /** Commits of what serves that it doesn't have, where it lies on another line of history: never proposed. */
  lacks?: number;
  /** Migrations that its first start would apply, as `049 reactions`. */
  migrations: string[];
  /** The changelog's entries since, without the version. */
  changes: string[];
  /** What the changelog or a commit calls breaking. */
  breaking: string[];
  /** When it was tried and taken back. */
  reverted?: { sequence: number; at: string };
}

/** Of more tags only the newest are looked at. */
const MOST_TAGS = 30;

/**
 * @returns the newest first; a tag that what serves already has is left out, and so is an older version on
 * another line of history
 * @throws UserError where the repository can't be read
 */
export async function availableUpdates(
  mirror: Mirror,
  state: Pick<ServerState, "serving" | "lastServing" | "reach" | "database" | "reverted">,
): Promise<AvailableUpdate[]> {
  const { serving, database, reverted } = state;
  const running = serving?.release;
  const tags = (await listTags(mirror)).slice(0, MOST_TAGS);
  if (running === undefined) return [];
  const applied = database?.applied ?? serving?.serving?.applied ?? [];
  const current = await describedIfThere(mirror, running.commit);
  const version = taggedVersion(running.name);
  if (current === undefined && version === null)
    throw new UserError(notInRepository(mirror, running));
  const updates: AvailableUpdate[] = [];
  for (const { tag, date, isPreview } of tags) {
    const next = await describeRelease(mirror, tag).catch(() => undefined);
    // A tag that was moved, or of something that is no release, is told when it is asked for.
    if (
      next === undefined ||
      movedTagRefusals({}, { name: tag, commit: next.commit }, state).length > 0
    )
      continue;
    const isAbove = version === null || (semver.parse(tag)?.compare(version) ?? 0) > 0;
    const news = await newsOf(mirror, current, next);
    if (news.commits === 0 || (!isAbove && !isAhead(news))) continue;
    const tried = reverted.find(({ commit }) => commit === next.commit);
    updates.push({
      ...{ tag, commit: next.commit, date, isPreview },
      ...news,
      migrations: compareMigrations(applied, next.migrations).pending.map(migrationName),
      ...(tried === undefined ? {} : { reverted: { sequence: tried.sequence, at: tried.at } }),
    });
  }
  return updates;
}

/** What a release has that what serves has not. Where that can't be compared, nothing is said of it. */
async function newsOf(mirror: Mirror, current: Release | undefined, next: Release): Promise<News> {
  if (current === undefined) return { changes: [], breaking: [] };
  const { ahead, behind, breaking } = await commitsBetween(mirror, current.commit, next.commit);
  const { entries } = compareChangelogs(current.changelog, next.changelog ?? "");
  return {
    commits: ahead,
    ...(behind === 0 ? {} : { lacks: behind }),
    changes: entries.flatMap(({ changes }) => changes),
    breaking: breakingChanges(entries, breaking),
  };
}

type News = Pick<AvailableUpdate, "commits" | "lacks" | "changes" | "breaking">;

/** Whether it has all that serves, and more. Others are shown, and only a person takes one. */
export function isAhead({ commits, lacks }: Pick<AvailableUpdate, "commits" | "lacks">): boolean {
  return commits !== undefined && lacks === undefined;
}

function notInRepository({ repository: { url } }: Mirror, running: ReleaseIdentity): string {
  return (
    `Newer releases can't be told: ${releaseText(running)} serves, and ${url} does not have that commit. ` +
    'Set "repository" to the one that it came from, or name a release: npx chatalot update <release>'
  );
}

/** The one that is proposed: the newest version that is no preview and was not taken back. */
export function proposed(updates: readonly AvailableUpdate[]): AvailableUpdate | undefined {
  return updates.find(
    (update) => !update.isPreview && update.reverted === undefined && isAhead(update),
  );
}

/** The one that is tried once more where none is named: the newest that was taken back, a preview last. */
export function newestTakenBack(updates: readonly AvailableUpdate[]): TakenBack | undefined {
  const tried = updates.filter(
    (update): update is TakenBack => update.reverted !== undefined && isAhead(update),
  );
  return tried.find(({ isPreview }) => !isPreview) ?? tried[0];
}

/** A release that was tried. */
type TakenBack = AvailableUpdate & Required<Pick<AvailableUpdate, "reverted">>;

/** What is said where an update needs something that serves. */
export const NOTHING_SERVES = "There is nothing to update: nothing serves. Deploy first: pulumi up";

/**
 * Why none is proposed, on one line.
 *
 * @param running what serves; undefined: nothing does
 */
export function whyNone(updates: readonly AvailableUpdate[], running: string | undefined): string {
  if (running === undefined) return NOTHING_SERVES;
  if (updates.length === 0) return `${running} serves, and the repository has no newer release.`;
  return `${running} serves. ${whatElse(updates)}`;
}

/** What can be done where there are newer ones of which none is proposed. */
function whatElse(updates: readonly AvailableUpdate[]): string {
  const tried = newestTakenBack(updates);
  if (tried !== undefined)
    return (
      `${tried.tag} is newer, and was tried and taken back (job ${tried.reverted.sequence}). Try it once more: ` +
      "npx chatalot update --retry"
    );
  const other = updates.find((update) => !update.isPreview && !isAhead(update));
  return other === undefined
    ? "None of what is newer is a finished version. Look at one: npx chatalot update <release>"
    : `${other.tag} is newer, but ${lackText(other)}. Look at it: npx chatalot update ${other.tag}`;
}

function lackText({ lacks }: AvailableUpdate): string {
  return lacks === undefined
    ? "the repository does not have what runs, so they can't be compared"
    : `lacks ${counted(lacks, "commit")} of what runs`;
}

/**
 * For people: two lines for each, the newest first.
 *
 * @param running what serves; undefined: nothing does
 */
export function describeUpdates(
  updates: readonly AvailableUpdate[],
  running: string | undefined,
  now: number,
): string {
  if (running === undefined || updates.length === 0) return whyNone(updates, running);
  const newest = proposed(updates);
  return [
    `${running} serves. Newer:`,
    ...updates.flatMap((update) => describe(update, now)),
    "",
    newest === undefined
      ? whatElse(updates)
      : `See what it would do, and do it: npx chatalot update ${newest.tag}`,
  ].join("\n");
}

function describe(update: AvailableUpdate, now: number): string[] {
  const { tag, date, commits, lacks, migrations, changes, breaking, reverted } = update;
  const days = Math.max(0, Math.floor((now - Date.parse(date)) / 86_400_000));
  return [
    `  ${tag.padEnd(16)} ${date} (${days} days old), ${commits === undefined ? "commits not known" : counted(commits, "commit")}, ${counted(migrations.length, "migration")}` +
      (breaking.length === 0 ? "" : `, ${counted(breaking.length, "BREAKING change")}`) +
      (lacks === undefined ? "" : `, ${lackText(update)}`) +
      (reverted === undefined ? "" : `, tried and taken back (job ${reverted.sequence})`),
    ...changes.slice(0, 3).map((change) => `      ${change}`),
    ...(changes.length > 3 ? [`      and ${changes.length - 3} more`] : []),
  ];
}
