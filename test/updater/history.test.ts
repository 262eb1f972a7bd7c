import { expect } from "chai";
import { pastJobs, waysBack } from "../../updater/history.ts";
import {
  applied,
  ledgerRecord,
  NEW_COMMIT,
  OLD_COMMIT,
  release,
  servingRecord,
} from "./samples.ts";

const old = ledgerRecord({
  sequence: 1,
  release: release(OLD_COMMIT, [1]),
  serving: { ...servingRecord(OLD_COMMIT), applied: applied(1) },
});
const newer = ledgerRecord({
  sequence: 2,
  release: release(NEW_COMMIT, [1, 2, 3]),
  serving: { ...servingRecord(NEW_COMMIT), applied: applied(1, 2, 3) },
});

describe("pastJobs", () => {
  it("names the migrations that a job applied, and keeps the rest short", () => {
    const [first, second] = pastJobs([old, newer]);
    expect(first?.migrations).to.deep.equal(["001 step"]);
    expect(second?.migrations).to.deep.equal(["002 step", "003 step"]);
    expect(second?.release).to.deep.equal({ name: "v1.1.0", commit: NEW_COMMIT });
    expect(second).not.to.have.any.keys("serving", "configurationDigest");
  });
});

describe("waysBack", () => {
  const means = {
    ledger: {
      records: [old, newer, ledgerRecord({ sequence: 3, release: release(OLD_COMMIT, [1]) })],
    },
    prepared: new Map([
      [OLD_COMMIT, undefined],
      [NEW_COMMIT, "another PostgreSQL"],
    ]),
    applied: applied(1, 2, 3),
    kept: [],
  };

  it("looks at each commit once, however often it served", () => {
    const [first, second, ...none] = waysBack(means);
    expect(none).to.deep.equal([]);
    expect(first).to.deep.include({
      prepared: release(OLD_COMMIT, [1]),
      missing: ["002 step", "003 step"],
      pending: [],
    });
    expect(second).to.deep.include({ obstacle: "another PostgreSQL", missing: [] });
  });

  it("offers the databases that the release can start on", () => {
    const kept = [
      {
        ...{ way: "backup" as const, name: "b", sequence: 2, at: "then", size: 7 },
        applied: applied(1),
      },
      { way: "revert-point" as const, name: "r", sequence: 3, at: "later", applied: applied(1, 2) },
    ];
    const [first, second] = waysBack({ ...means, kept });
    expect(first?.databases).to.deep.equal([
      { way: "backup", name: "b", sequence: 2, at: "then", size: 7, pending: [] },
    ]);
    expect(second?.databases.map(({ name, pending }) => [name, pending])).to.deep.equal([
      ["r", [3]],
      ["b", [2, 3]],
    ]);
  });

  it("forgets what never served and is not prepared", () => {
    const failed = ledgerRecord({ sequence: 4, outcome: "reverted", release: release(NEW_COMMIT) });
    const found = waysBack({ ...means, prepared: new Map(), ledger: { records: [old, failed] } });
    expect(found.map(({ release: { commit } }) => commit)).to.deep.equal([OLD_COMMIT]);
    expect(found[0]).not.to.have.property("prepared");
  });
});
