/** What of a release breaks something, as its authors say. */
import type { ChangelogEntry } from "./changelog.ts";

/** Of the changelog, and of the first lines of commits that no entry may tell of. */
export function breakingChanges(
  entries: readonly ChangelogEntry[],
  subjects: readonly string[],
): string[] {
  return [...entries.flatMap(({ breaking }) => breaking), ...subjects.filter(isBreakingSubject)];
}

/** As Conventional Commits has it: `feat(api)!: ...`, or the words themselves. */
function isBreakingSubject(subject: string): boolean {
  return /^\w+(\([^)]*\))?!:/.test(subject) || /\bBREAKING[ -]CHANGE\b/.test(subject);
}
