import { expect } from "chai";
import { describeStatus, judge } from "../../cli/status.ts";
import { servingRecord, servingState } from "../provider/support/samples.ts";

describe("status", () => {
  it("is 0 as committed and healthy", () => {
    expect(judge(servingState())).to.deep.equal({ code: 0, reason: "As committed, and healthy." });
  });

  it("is 1 with drift, and names it", () => {
    const drift = ["postgres is exited"];
    expect(judge(servingState({ drift }))).to.deep.equal({ code: 1, reason: "postgres is exited" });
  });

  it("is 1 where the health report is bad", () => {
    const health = { reachable: false, problem: "nothing listens yet" };
    expect(judge(servingState({ health })).code).to.equal(1);
  });

  it("is 4 where a person has to decide, whatever else is the case", () => {
    const state = servingState({ needsOperator: "job 3 failed.\n", drift: ["x"] });
    expect(judge(state)).to.deep.equal({
      code: 4,
      reason: "It needs you: job 3 failed. See the ways out: npx chatalot resolve",
    });
  });

  it("has one line as its reason, whatever the server tells", () => {
    const needsOperator =
      "job 3 to v1.1.0 failed (not healthy after 60 s: nothing listens\nIts last log lines:\n" +
      "  thread panicked\n  exit 101) and going back failed at step U4: no space.\n";
    expect(judge(servingState({ needsOperator })).reason).to.equal(
      "It needs you: job 3 to v1.1.0 failed (not healthy after 60 s: nothing listens ... " +
        "See the ways out: npx chatalot resolve",
    );
    const health = { reachable: false, problem: "nothing listens yet:\n  refused" };
    expect(judge(servingState({ health })).reason).to.equal(
      "It is not healthy: nothing listens yet: refused",
    );
  });

  it("shows release, downtime, drift and the newest backup", () => {
    const newest = { name: "000007-20240101T000000Z", takenAt: "", size: 2_000_000 };
    const drift = ["postgres is exited"];
    const state = servingState({ drift, backups: { count: 3, newest } });
    const text = describeStatus({ server: "root@chat", code: 1, reason: "r", state });
    expect(text).to.contain("v1.0.0").and.to.contain("away 1.3 s");
    expect(text).to.contain("Drift    postgres is exited").and.to.contain(newest.name);
    const none = describeStatus({
      server: "s",
      code: 1,
      reason: "r",
      state: servingState({ drift }),
    });
    expect(none).to.contain("Backups  none yet");
  });

  it("shows hooks, those that can't be run, and what one said that failed in the last update", () => {
    const failed = { hook: "after-update", milliseconds: 9, problem: "exit code 4: a\nb" } as const;
    const serving = servingRecord({ hooks: [failed] });
    const state = servingState({
      serving,
      lastClosed: servingRecord({ sequence: 9, kind: "backup" }),
      hooks: { names: ["after-update"], problems: ["/x/on-failure is a link"], ignored: [] },
    });
    const lines = describeStatus({ server: "s", code: 0, reason: "r", state }).split("\n");
    expect(lines.filter((line) => line.startsWith("Hooks"))).to.deep.equal([
      "Hooks    after-update",
      "Hooks    /x/on-failure is a link",
      "Hooks    after-update failed in job 3: exit code 4: a / b",
    ]);
  });
});
