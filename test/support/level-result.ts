/** What a level of the tests came to, by what test/support/counting-reporter.mjs wrote of it. */

export interface Failure {
  title: string;
  cause: string;
}

interface Counts {
  passes: number;
  failures: number;
  pending: number;
}

export interface LevelResult extends Counts {
  failed: readonly Failure[];
  /** Whether all of its tests were run; else the counts are of what is known. */
  isWhole: boolean;
}

/** A line of the report. */
interface Entry {
  failed?: Failure;
  counts?: Counts;
}

/**
 * Reads a level's report. A level that ended without its counts (a crash, a syntax error, its time
 * limit) has one failure more than those that it told.
 *
 * @param end how its process ended: its exit code, or what ended it
 */
export function resultOf(report: string, end: number | string): LevelResult {
  const entries = report.split("\n").flatMap(entryOf);
  const failed = entries.flatMap((entry) => entry.failed ?? []);
  const counts = entries.findLast((entry) => entry.counts !== undefined)?.counts;
  const isWhole = counts !== undefined;
  if (isWhole && (end === 0 || counts.failures > 0)) return { ...counts, failed, isWhole };
  const cause = isWhole ? `it ended with ${end}` : `it ended with ${end} before its last test`;
  const all = [...failed, { title: "the level's own process", cause }];
  return { passes: 0, pending: 0, ...counts, failures: all.length, failed: all, isWhole };
}

function entryOf(line: string): Entry[] {
  if (line === "") return [];
  try {
    return [JSON.parse(line) as Entry];
  } catch {
    // Cut off: the process was ended while it wrote.
    return [];
  }
}
