/** The commits between two releases. */
import { BREAKING_PATTERN, breakingLine } from "./breaking.ts";
import { printableLine } from "./printable.ts";
import { gitIn, type Mirror } from "./mirror.ts";

export interface CommitsBetween {
  /** In the one asked for, and not in the one that runs. */
  ahead: number;
  /** In the one that runs, and not in the one asked for: what is gone back on. */
  behind: number;
  /** First lines of the newest commits ahead, newest first; at most {@link MOST_SUBJECTS}. */
  subjects: string[];
  /**
   * What commits ahead break, a line for each, newest first. However many commits there are, all are looked
   * at; of more than {@link MOST_BREAKING} the last line says that there are more.
   */
  breaking: string[];
}

const MOST_SUBJECTS = 200;
const MOST_BREAKING = 200;

/** Some of the commits that git finds by their words only speak of breaking something. */
const MOST_CANDIDATES = 2_000;

/**
 * Counts the commits between two commits that the mirror has, and reads what they say.
 *
 * @param from the commit that runs, 40 hexadecimal digits
 * @param to the commit asked for
 */
export async function commitsBetween(
  mirror: Mirror,
  from: string,
  to: string,
): Promise<CommitsBetween> {
  const range = [`${from}..${to}`, "--"];
  const log = ["log", "-z", "--no-show-signature"];
  const [counts, newest, candidates] = await Promise.all([
    gitIn(mirror, ["rev-list", "--count", "--left-right", `${from}...${to}`, "--"]),
    gitIn(mirror, [...log, "--format=%s", `--max-count=${MOST_SUBJECTS}`, ...range]),
    gitIn(mirror, [
      ...[...log, "--format=%s%x00%b", "--extended-regexp", `--grep=${BREAKING_PATTERN}`],
      ...[`--max-count=${MOST_CANDIDATES + 1}`, ...range],
    ]),
  ]);
  const [behind = 0, ahead = 0] = counts.toString().trim().split("\t").map(Number);
  const subjects = newest.toString().split("\0").map(printableLine);
  return {
    ...{ ahead, behind },
    subjects: subjects.filter((subject) => subject !== ""),
    breaking: breakingLines(candidates.toString()),
  };
}

/** @param text subject and body of each commit in turn, each ended by a NUL, which neither can have */
function breakingLines(text: string): string[] {
  const fields = text.split("\0");
  const count = Math.floor(fields.length / 2);
  const lines: string[] = [];
  for (let at = 0; at < Math.min(count, MOST_CANDIDATES); at++) {
    const line = breakingLine({
      subject: fields[2 * at] ?? "",
      body: fields[2 * at + 1] ?? "",
    });
    if (line !== undefined) lines.push(line);
  }
  if (lines.length <= MOST_BREAKING && count <= MOST_CANDIDATES) return lines;
  return [...lines.slice(0, MOST_BREAKING), "... and more commits: read the repository's history"];
}
