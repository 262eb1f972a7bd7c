import { expect } from "chai";
import { historyEntries } from "../../../cli/history/entries.ts";
import { chooseTarget, databaseFor } from "../../../cli/rollback/target.ts";
import type { WayBack } from "../../../updater/history-protocol.ts";
import type { DatabaseWay } from "../../../updater/protocol.ts";
import { commitOf, instanceHistory, pastJob, wayBack } from "../history/samples.ts";

describe("chooseTarget", () => {
  /** v1 to v3 in jobs 1 to 3, then v3 with another setting in job 4, which serves. */
  const entries = (changes: Partial<WayBack> = {}, serving = 4) =>
    historyEntries(
      instanceHistory({
        jobs: [
          ...[1, 2, 3].map((sequence) => pastJob(sequence)),
          pastJob(4, { release: { name: "v3", commit: commitOf(3) } }),
          pastJob(5, { outcome: "reverted" }),
        ],
        waysBack: [wayBack(1), wayBack(2, changes), wayBack(3)],
        serving,
      }),
      [],
    );
  const job = (to?: string): number => chooseTarget(entries(), to).job;

  it("takes the release that served before the one that serves", () => {
    expect(job()).to.equal(2);
    expect(chooseTarget(entries({}, 2)).job).to.equal(1);
  });

  it("takes a job, a tag, a commit, or tag and commit, the newest of several", () => {
    expect(job("1")).to.equal(1);
    expect(job("3")).to.equal(3);
    expect(job("v2")).to.equal(2);
    expect(job(commitOf(1))).to.equal(1);
    expect(job("1111111")).to.equal(1);
    expect(job(`v2@${commitOf(2)}`)).to.equal(2);
  });

  const refused: [string, string, string][] = [
    ["what serves", "4", "v3 (3333333) serves already, by job 4"],
    ["what did not serve", "5", 'no update of the history is "5"'],
    ["a job that there was not", "99", 'no update of the history is "99"'],
    ["a tag that never served", "v9", 'no update of the history is "v9"'],
    ["nonsense", "--x y", "no update of the history"],
  ];
  for (const [what, to, text] of refused)
    it(`refuses ${what}`, () => {
      expect(() => chooseTarget(entries(), to)).to.throw(text);
    });

  it("refuses what can't serve again, with the reason", () => {
    expect(() => chooseTarget(entries({ obstacle: "PostgreSQL 16" }))).to.throw(
      "v2 (2222222) can't serve again: PostgreSQL 16",
    );
  });

  it("has nothing to go back to where nothing served before", () => {
    expect(() => chooseTarget([])).to.throw("no other release served here before");
  });
});

describe("databaseFor", () => {
  const database = (way: DatabaseWay) => ({ way, name: `a ${way}`, sequence: 3, at: "then" });
  const target = (changes: Partial<WayBack>) =>
    chooseTarget(
      historyEntries(
        instanceHistory({
          jobs: [pastJob(1), pastJob(2)],
          waysBack: [wayBack(1, changes)],
          serving: 2,
        }),
        [],
      ),
    );
  const between = { missing: ["004 x"], databases: [database("backup")] };

  it("is the live one where no migration lies between", () => {
    expect(databaseFor(target({}), "refuse")).to.equal(undefined);
  });

  it("is refused where one does, with the ways that there are", () => {
    expect(() => databaseFor(target(between), "refuse"))
      .to.throw("does not know 004 x. Nothing was changed")
      .with.property("message")
      .that.contains("--database backup   its data of then");
  });

  it("is the one of the chosen way, also where none would be needed", () => {
    expect(databaseFor(target(between), "backup")).to.include({ name: "a backup" });
    const forward = { databases: [database("revert-point")] };
    expect(databaseFor(target(forward), "revert-point")).to.include({ name: "a revert-point" });
  });

  it("is a copy with the operator's scripts, if there is anything to undo", () => {
    const nothingKept = { missing: ["004 x"] };
    expect(databaseFor(target(nothingKept), "undo-scripts")).to.deep.equal({ way: "undo-scripts" });
    expect(() => databaseFor(target({}), "undo-scripts")).to.throw("There is nothing to undo");
  });

  it("is refused where the chosen way has none", () => {
    expect(() => databaseFor(target(between), "revert-point")).to.throw("There is a backup.");
    expect(() => databaseFor(target({}), "backup")).to.throw("Choose another release");
  });
});
