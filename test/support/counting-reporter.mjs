/**
 * mocha's ordinary report, and the counts in a file, so that several runs can be added up. Each
 * failure goes with them, since a log of thousands of lines is often kept by its end alone.
 */
import { appendFileSync } from "node:fs";
import process from "node:process";
import mocha from "mocha";

export default class CountingReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const failed = [];
    runner.on("fail", (test, error) => {
      failed.push({ title: test.fullTitle(), cause: causeOf(error) });
    });
    runner.once("end", () => {
      const file = process.env.CHATALOT_DEPLOY_TEST_COUNTS;
      if (file === undefined) return;
      const { passes, failures, pending } = this.stats;
      appendFileSync(file, `${JSON.stringify({ passes, failures, pending, failed })}\n`);
    });
  }
}

/** Errors of a parallel run come as plain objects; a test may throw anything. */
function causeOf(error) {
  return error?.stack ?? error?.message ?? String(error);
}
