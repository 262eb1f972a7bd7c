/** Prints what a job tells until it is closed, then its verdict; from any place, any number of times. */
import { open, stat } from "node:fs/promises";
import { Job } from "./job.ts";
import { instancePaths, jobPaths } from "./paths.ts";
import type { FollowLine, ProgressLine } from "./protocol.ts";
import { armUnit, type UnitEnds, unitEnds, unitIsActive, unitName } from "./unit.ts";

const POLL_INTERVAL = 150;

/** The unit of an open job is looked at this often; systemd starts it again by itself within a second. */
const UNIT_CHECK_INTERVAL = 10_000;

/** Restarts between two looks at the unit; a job that is killed once or twice goes on by itself. */
const TOO_MANY_RESTARTS = 3;

/**
 * @param offset where in the job's progress to begin: what an earlier call got last
 * @param print takes one line of the protocol
 */
export async function follow(
  directory: string,
  sequence: number,
  offset: number,
  print: (line: FollowLine) => void,
): Promise<void> {
  const paths = instancePaths(directory);
  const places = jobPaths(paths, sequence);
  if ((await Job.read(paths, sequence)) === undefined)
    throw new Error(`there is no job ${sequence} in ${directory}`);
  let position = offset;
  let journalSize = -1;
  let unitChecked = performance.now();
  let before: { ends: UnitEnds; journalSize: number } | undefined;
  for (;;) {
    const size = await sizeOf(places.journal);
    // The verdict is read before the progress, so that no line told before it is missed.
    const hasChanged = size !== journalSize;
    const job = hasChanged ? await Job.read(paths, sequence) : undefined;
    if (hasChanged && job === undefined)
      throw new Error(
        `follow job ${sequence}: its journal ${places.journal} was removed meanwhile, so its end is not known. ` +
          "Look at what serves: npx chatalot status",
      );
    const closed = job?.closed?.verdict;
    journalSize = size;
    position = await printFrom(places.progress, position, print);
    if (closed !== undefined) {
      print({ type: "verdict", verdict: closed });
      return;
    }
    if (performance.now() - unitChecked > UNIT_CHECK_INTERVAL) {
      unitChecked = performance.now();
      if (!(await unitIsActive(directory))) await armUnit(directory);
      const ends = await unitEnds(directory);
      const text =
        before?.journalSize === size ? stuckText(directory, before.ends, ends) : undefined;
      before = { ends, journalSize: size };
      if (text !== undefined)
        print({
          type: "progress",
          offset: position,
          progress: { at: new Date().toISOString(), step: "unit", text },
        });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
  }
}

/** What is told of a job that ends again and again before it can record anything. */
export function stuckText(directory: string, before: UnitEnds, now: UnitEnds): string | undefined {
  if (now.restarts - before.restarts < TOO_MANY_RESTARTS) return undefined;
  return (
    `the job ends again and again before it gets on (${now.result}), and goes on by itself when it can; ` +
    `see journalctl -u ${unitName(directory)} and ${instancePaths(directory).unitLog} on the server`
  );
}

async function printFrom(
  path: string,
  from: number,
  print: (line: FollowLine) => void,
): Promise<number> {
  const size = await sizeOf(path);
  if (size <= from) return from;
  const handle = await open(path, "r");
  try {
    const bytes = Buffer.alloc(size - from);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    let position = 0;
    for (;;) {
      const end = bytes.subarray(0, bytesRead).indexOf(0x0a, position);
      if (end === -1) return from + position;
      const progress = parseProgress(bytes.subarray(position, end).toString("utf8"));
      position = end + 1;
      if (progress !== undefined) print({ type: "progress", offset: from + position, progress });
    }
  } finally {
    await handle.close();
  }
}

/** A line that a kill or a full disk cut short is left out. */
function parseProgress(line: string): ProgressLine | undefined {
  try {
    return JSON.parse(line) as ProgressLine;
  } catch {
    return undefined;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
