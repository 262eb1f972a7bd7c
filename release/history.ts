/** The commits between two releases. */
import { printableLine } from "./printable.ts";
import { gitIn, type Mirror } from "./mirror.ts";

export interface CommitsBetween {
  /** In the one asked for, and not in the one that runs. */
  ahead: number;
  /** In the one that runs, and not in the one asked for: what is gone back on. */
  behind: number;
  /** First lines of the newest commits ahead, newest first; at most {@link MOST_SUBJECTS}. */
  subjects: string[];
}

const MOST_SUBJECTS = 200;

/**
 * Counts the commits between two commits that the mirror has.
 *
 * @param from the commit that runs, 40 hexadecimal digits
 * @param to the commit asked for
 */
export async function commitsBetween(
  mirror: Mirror,
  from: string,
  to: string,
): Promise<CommitsBetween> {
  const [counts, log] = await Promise.all([
    gitIn(mirror, ["rev-list", "--count", "--left-right", `${from}...${to}`, "--"]),
    gitIn(mirror, [
      ...["log", "-z", "--format=%s", `--max-count=${MOST_SUBJECTS}`, "--no-show-signature"],
      ...[`${from}..${to}`, "--"],
    ]),
  ]);
  const [behind = 0, ahead = 0] = counts.toString().trim().split("\t").map(Number);
  const subjects = log.toString().split("\0").map(printableLine);
  return { ahead, behind, subjects: subjects.filter((subject) => subject !== "") };
}
