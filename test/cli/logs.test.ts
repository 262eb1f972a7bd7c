import { expect } from "chai";
import { UsageError } from "../../cli/exit-codes.ts";
import { checkOptions } from "../../cli/logs.ts";

describe("chatalot logs", () => {
  it("takes what docker takes", () => {
    for (const since of ["10m", "2h", "2026-01-31", "2026-01-31T20:00:00Z"])
      checkOptions("postgres", { lines: "5", since });
    checkOptions(undefined, { follow: true });
    checkOptions(undefined, { job: "12" });
    checkOptions(undefined, { job: true });
  });

  it("refuses everything else at once, before a server is asked", () => {
    const wrong = () =>
      checkOptions("--help; rm", { lines: "-1", since: "$(date)", job: "../../ledger" });
    expect(wrong)
      .to.throw(/the service "--help; rm"/)
      .with.property("message")
      .that.matches(
        /--lines "-1".*--since "\$\(date\)".*--job.*\. See npx chatalot logs --help\.$/s,
      );
  });

  it("refuses beside a job what is for services alone, all of it at once", () => {
    const both = () =>
      checkOptions("postgres", { job: true, lines: "5", since: "10m", follow: true });
    expect(both).to.throw(
      UsageError,
      'the service "postgres", --lines, --since, --follow: not with --job',
    );
  });
});
