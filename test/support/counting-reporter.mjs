/** mocha's ordinary report, and the counts in a file, so that several runs can be added up. */
import { appendFileSync } from "node:fs";
import process from "node:process";
import mocha from "mocha";

export default class CountingReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const file = process.env.CHATALOT_DEPLOY_TEST_COUNTS;
      if (file === undefined) return;
      const { passes, failures, pending } = this.stats;
      appendFileSync(file, `${JSON.stringify({ passes, failures, pending })}\n`);
    });
  }
}
