import { expect } from "chai";
import { checkOptions } from "../../cli/logs.ts";

describe("chatalot logs", () => {
  it("takes what docker takes", () => {
    for (const since of ["10m", "2h", "2026-01-31", "2026-01-31T20:00:00Z"])
      checkOptions("postgres", { lines: "5", since });
    checkOptions("chatalot", { lines: "0", job: "12" });
    checkOptions("chatalot", { lines: "0", job: true });
  });

  it("refuses everything else at once, before a server is asked", () => {
    const wrong = () =>
      checkOptions("--help; rm", { lines: "-1", since: "$(date)", job: "../../ledger" });
    expect(wrong)
      .to.throw(/the service "--help; rm"/)
      .with.property("message")
      .that.matches(/--lines "-1".*--since "\$\(date\)".*--job/s);
  });
});
