/** What of a release breaks something, as its authors say. */
import type { ChangelogEntry } from "./changelog.ts";
import { printableLine } from "./printable.ts";

/** A commit's text as git divides it. */
export interface CommitMessage {
  /** The first line. */
  subject: string;
  /** What follows the first empty line. */
  body: string;
}

/**
 * Finds a superset of what {@link breakingLine} takes, line by line: an extended regular expression for git.
 * So that git reads thousands of commits, and hands over the few that count.
 */
export const BREAKING_PATTERN = "^[[:alnum:]_]+(\\([^)]*\\))?!:|BREAKING[ -]CHANGE";

/** Of the changelog, and of the commits that no entry may tell of. */
export function breakingChanges(
  entries: readonly ChangelogEntry[],
  commits: readonly string[],
): string[] {
  return [...entries.flatMap(({ breaking }) => breaking), ...commits];
}

/**
 * One line for what a commit breaks, by Conventional Commits: `feat(api)!: ...`, a footer
 * `BREAKING CHANGE: ...`, or these words in the first line. Undefined where it breaks nothing.
 */
export function breakingLine({ subject, body }: CommitMessage): string | undefined {
  const footer = footerOf(body);
  if (footer !== undefined) return printableLine(`${subject}: ${footer}`);
  return isBreakingSubject(subject) ? printableLine(subject) : undefined;
}

function isBreakingSubject(subject: string): boolean {
  return /^\w+(\([^)]*\))?!:/.test(subject) || /\bBREAKING[ -]CHANGE\b/.test(subject);
}

/** The footer's text up to an empty line or the next footer; some begin it on a line of its own. */
function footerOf(body: string): string | undefined {
  const lines = body.split("\n").map((line) => line.trimEnd());
  const at = lines.findIndex((line) => FOOTER.test(line));
  if (at < 0) return undefined;
  const [first = "", ...rest] = lines.slice(at);
  const begun = first.replace(FOOTER, "").trim();
  const more = begun === "" ? rest.slice(rest.findIndex((line) => line !== "")) : rest;
  const end = more.findIndex((line) => line === "" || /^[A-Za-z][A-Za-z-]*(?:: | #)/.test(line));
  const text = [begun, ...(end < 0 ? more : more.slice(0, end))].join(" ").trim();
  return text === "" ? "it breaks something, and doesn't say what" : text;
}

const FOOTER = /^BREAKING[ -]CHANGE:(?:\s|$)/;
