/**
 * mocha's ordinary report, and the counts in a file, so that several runs can be added up. Each
 * failure goes with them, since a log of thousands of lines is often kept by its end alone; and at
 * once, since a run may be ended before it has counts. One JSON object a line.
 */
import { appendFileSync } from "node:fs";
import process from "node:process";
import mocha from "mocha";

export default class CountingReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on("fail", (test, error) => {
      append({ failed: { title: test.fullTitle(), cause: causeOf(error) } });
    });
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      append({ counts: { passes, failures, pending } });
    });
  }
}

function append(entry) {
  const file = process.env.CHATALOT_DEPLOY_TEST_COUNTS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

/** Errors of a parallel run come as plain objects; a test may throw anything. */
function causeOf(error) {
  return error?.stack ?? error?.message ?? String(error);
}
