import { expect } from "chai";
import { endOf } from "../../../cli/run/up.ts";
import { COMMIT, NEWER, servingRecord, servingState } from "../../provider/support/samples.ts";

describe("endOf", () => {
  it("is done where pulumi says so", () => {
    expect(endOf(0, { commit: NEWER }, undefined)).to.deep.equal({ end: "done", serves: true });
  });

  it("is under way while a job is open, and where the server can't be asked", () => {
    const openJob = {
      ...{ sequence: 5, kind: "switch" as const, requestedBy: "ada@desk" },
      ...{ openedAt: "2026-03-03T12:00:00Z", step: "J8" },
    };
    expect(endOf(1, { commit: NEWER }, servingState({ openJob })).end).to.equal("under-way");
    expect(endOf(1, { commit: NEWER }, undefined).end).to.equal("under-way");
  });

  it("has failed where what served before serves", () => {
    expect(endOf(1, { commit: NEWER }, servingState())).to.deep.equal({
      end: "failed",
      serves: false,
    });
  });

  it("has failed and serves all the same where only a look at the public address failed", () => {
    expect(endOf(1, { commit: COMMIT }, servingState())).to.deep.equal({
      end: "failed",
      serves: true,
    });
  });

  it("has failed where the commit stays the same, and no other job brought it", () => {
    const aim = { commit: COMMIT, before: servingState().serving?.sequence ?? 0 };
    expect(endOf(1, aim, servingState())).to.deep.equal({ end: "failed", serves: false });
    const later = servingRecord({ sequence: aim.before + 1 });
    expect(endOf(1, aim, servingState({ serving: later })).serves).to.equal(true);
  });

  it("needs the operator where the job could neither finish nor go back", () => {
    const state = servingState({ needsOperator: "job 4 failed" });
    expect(endOf(1, { commit: NEWER }, state)).to.deep.equal({
      end: "needs-operator",
      serves: false,
    });
  });
});
