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

/** Enough for a year of a lively project; of more only these are told. */
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
    const known = new Set(before.get(keyOf(entry))?.changes);
    const isNew = (change: string): boolean => !known.has(change);
    const changes = entry.changes.filter(isNew);
    if (before.has(keyOf(entry)) && changes.length === 0) return [];
    return [{ ...entry, changes, breaking: entry.breaking.filter(isNew) }];
  });
  const newest = now.find(({ version }) => semver.coerce(version) !== null)?.version;
  return { entries, ...(newest === undefined ? {} : { newest }) };
}

/** All entries of a changelog, in its order. */
export function parseChangelog(text: string): ChangelogEntry[] {
  const entries: ChangelogEntry[] = [];
  let isBreaking = false;
  for (const line of text.slice(0, MAXIMUM_TEXT).split("\n")) {
    const heading = /^ {0,3}(#{1,4})\s+(.*?)\s*#*\s*$/.exec(line)?.[2];
    const version = heading === undefined ? undefined : versionIn(heading);
    const entry = entries.at(-1);
    if (version !== undefined) {
      entries.push({ version, changes: [], breaking: [] });
      isBreaking = false;
    } else if (heading !== undefined) isBreaking = /\bbreaking\b/i.test(heading);
    else if (entry !== undefined) addLine(entry, line, isBreaking);
  }
  return entries;
}

/** A list's item begins a change; what is indented below, or follows without a gap, belongs to it. */
function addLine(entry: ChangelogEntry, line: string, isBreaking: boolean): void {
  if (line.trim() === "" || entry.changes.length >= MOST_CHANGES) return;
  const item = /^\s*(?:[-*+]|\d{1,3}[.)])\s+(.*)$/.exec(line)?.[1];
  const last = entry.changes.at(-1);
  if (item === undefined && last !== undefined && /^\s/.test(line)) {
    const whole = printableLine(`${last} ${line.trim()}`);
    entry.changes[entry.changes.length - 1] = whole;
    if (entry.breaking.at(-1) === last) entry.breaking[entry.breaking.length - 1] = whole;
    return;
  }
  const change = printableLine(item ?? line);
  entry.changes.push(change);
  if (isBreaking || /^\W*breaking\b/i.test(change)) entry.breaking.push(change);
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
