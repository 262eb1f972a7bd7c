/**
 * What a changelog says of the releases between two. Read are headings of versions as most projects
 * write them (`## [1.2.0] - 2026-01-31`, `## v1.2.0`, `# 1.2`, `## Unreleased`) and the lines below.
 */
import semver from "semver";
import { printableLine } from "./printable.ts";

/** What the changelog has of one version. */
export interface ChangelogEntry {
  /** As the heading names it: `1.2.0`, `Unreleased`. */
  version: string;
  /** The changes, without what makes them a list. */
  changes: string[];
  /** Those of them that the changelog calls breaking. */
  breaking: string[];
}

export interface ChangelogComparison {
  /** Of the versions that the older changelog doesn't have, newest first. */
  entries: ChangelogEntry[];
  /** The newest version that the newer changelog has; undefined: it has none. */
  newest?: string;
}

/** The places where a release has its changelog; the first one that is there counts. */
export const CHANGELOGS = ["docs/appendix/changelog.md", "CHANGELOG.md", "docs/changelog.md"];

/** Of a longer changelog the rest is not read: the newest stands at the top. */
const MAXIMUM_TEXT = 512 * 1024;

/**
 * Enough for a year of a lively project; of more only these are told. What breaks is counted by itself, so
 * that no number of harmless changes above hides it.
 */
const MOST_CHANGES = 200;

/**
 * Compares the changelogs of two releases. An entry that was only changed meanwhile (`Unreleased`) is
 * told with the lines that are new.
 *
 * @param older undefined: the older release has none
 */
export function compareChangelogs(older: string | undefined, newer: string): ChangelogComparison {
  const before = new Map(parseChangelog(older ?? "").map((entry) => [keyOf(entry), entry]));
  const now = parseChangelog(newer);
  const entries = now.flatMap((entry) => {
    const older = before.get(keyOf(entry));
    const known = new Set([...(older?.changes ?? []), ...(older?.breaking ?? [])]);
    const isNew = (change: string): boolean => !known.has(change);
    const changes = entry.changes.filter(isNew);
    const breaking = entry.breaking.filter(isNew);
    if (older !== undefined && changes.length + breaking.length === 0) return [];
    return [{ ...entry, changes, breaking }];
  });
  const newest = now.find(({ version }) => semver.coerce(version) !== null)?.version;
  return { entries, ...(newest === undefined ? {} : { newest }) };
}

/** All entries of a changelog, in its order. */
export function parseChangelog(text: string): ChangelogEntry[] {
  const entries: ChangelogEntry[] = [];
  let isBreaking = false;
  let last: Change | undefined;
  for (const line of text.slice(0, MAXIMUM_TEXT).split("\n")) {
    const heading = /^ {0,3}(#{1,4})\s+(.*?)\s*#*\s*$/.exec(line)?.[2];
    const version = heading === undefined ? undefined : versionIn(heading);
    const entry = entries.at(-1);
    if (version !== undefined) {
      entries.push({ version, changes: [], breaking: [] });
      isBreaking = false;
      last = undefined;
    } else if (heading !== undefined) isBreaking = /\bbreaking\b/i.test(heading);
    else if (entry !== undefined && line.trim() !== "")
      last = addLine(entry, line, last, isBreaking);
  }
  return entries;
}

/** A change as far as it was read, and the lists of its entry that have it. */
interface Change {
  text: string;
  lists: string[][];
}

/**
 * A list's item begins a change; what is indented below, or follows without a gap, belongs to it.
 *
 * @param last the change before it in this entry, if there is one
 * @returns the change that the line belongs to
 */
function addLine(
  entry: ChangelogEntry,
  line: string,
  last: Change | undefined,
  isBreaking: boolean,
): Change {
  const item = /^\s*(?:[-*+]|\d{1,3}[.)])\s+(.*)$/.exec(line)?.[1];
  if (item === undefined && last !== undefined && /^\s/.test(line)) {
    if (last.lists.length === 0) return last;
    const text = printableLine(`${last.text} ${line.trim()}`);
    for (const list of last.lists) list[list.length - 1] = text;
    return { ...last, text };
  }
  const breaks = isBreaking || /^\W*breaking\b/i.test(item ?? line);
  const lists = [entry.changes, ...(breaks ? [entry.breaking] : [])].filter(
    (list) => list.length < MOST_CHANGES,
  );
  const text = lists.length === 0 ? "" : printableLine(item ?? line);
  for (const list of lists) list.push(text);
  return { text, lists };
}

/** `[1.2.0] - 2026-01-31` is 1.2.0; undefined for a heading of something else. */
function versionIn(heading: string): string | undefined {
  if (/^\[?unreleased\]?/i.test(heading)) return "Unreleased";
  const match = /^(?:version\s+|release\s+)?\[?(v?\d+(?:\.(?:\d+|x)){1,3}[0-9A-Za-z.+-]*)\]?/i;
  return match.exec(heading)?.[1]?.slice(0, 40);
}

function keyOf({ version }: ChangelogEntry): string {
  return version.replace(/^v/i, "");
}
