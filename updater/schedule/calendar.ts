/** What systemd makes of a calendar expression: only it knows. */
import { command, CommandError } from "../command.ts";
import { timeOf } from "./units.ts";

/** As many times ahead are looked at to find the longest pause between two. */
const ITERATIONS = 15;

/** Why systemd refuses an expression; undefined where it accepts it. */
export async function calendarProblem(calendar: string): Promise<string | undefined> {
  try {
    const times = await nextTimes(calendar, 1);
    return times.length === 0 ? "it never comes again" : undefined;
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
    return error.stderr.trim().split("\n")[0] ?? error.message;
  }
}

/** The longest pause between two of the next times, in milliseconds; 0 where there is one alone. */
export async function longestPause(calendar: string): Promise<number> {
  const times = (await nextTimes(calendar, ITERATIONS)).map((time) => Date.parse(time));
  return Math.max(0, ...times.slice(1).map((time, index) => time - (times[index] ?? time)));
}

async function nextTimes(calendar: string, count: number): Promise<string[]> {
  const text = await command(
    "read the calendar",
    ["systemd-analyze", "calendar", `--iterations=${count}`, "--", calendar],
    { environment: { TZ: "UTC" } },
  );
  return text
    .split("\n")
    .filter((line) => /^\s*(?:Next elapse|Iteration #\d+|\(in UTC\)):/.test(line))
    .flatMap((line) => timeOf(line) ?? []);
}
