import { messageOf } from "../../../common/errors.ts";

/**
 * Takes back what a suite has done: every step is tried, also after one that failed. What the suite did on the server
 * comes first, because the next suite has the same server.
 *
 * A step asks whether its part was made at all: a failure of its own would hide why the suite's `before` failed.
 */
export async function takeBack(...steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join("\n"));
}
