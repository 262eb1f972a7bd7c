import { expect } from "chai";
import { endOf } from "../../../cli/run/up.ts";
import { requester } from "../../../provider/place.ts";
import type { OpenJob } from "../../../updater/protocol.ts";
import { COMMIT, NEWER, servingRecord, servingState } from "../../provider/support/samples.ts";

describe("endOf", () => {
  it("is done where pulumi says so", () => {
    expect(endOf(0, { commit: NEWER }, undefined)).to.deep.equal({ end: "done", serves: true });
  });

  const job = (changes: Partial<OpenJob> = {}): OpenJob => ({
    ...{ sequence: 5, kind: "switch", requestedBy: requester(), step: "J8" },
    ...{ openedAt: "2026-03-03T12:00:00Z", release: { name: "v1.1.0", commit: NEWER } },
    ...changes,
  });

  it("is under way while its own job is open, and where the server can't be asked", () => {
    for (const kind of ["prepare", "switch"] as const) {
      const state = servingState({ openJob: job({ kind }) });
      expect(endOf(1, { commit: NEWER }, state).end, kind).to.equal("under-way");
    }
    expect(endOf(1, { commit: NEWER }, undefined).end).to.equal("under-way");
  });

  const { release: _, ...backup } = job({ kind: "backup", requestedBy: "the schedule" });
  for (const [what, openJob] of [
    ["a backup", backup],
    ["a backup of the same person's", { ...backup, requestedBy: requester() }],
    ["an update to another release", job({ release: { name: "v1.0.0", commit: COMMIT } })],
    ["the same update of somebody else's", job({ requestedBy: "ada@desk" })],
  ] as const)
    it(`has failed where ${what} is under way, beside which the server refused it`, () => {
      expect(endOf(1, { commit: NEWER }, servingState({ openJob }))).to.deep.equal({
        ...{ end: "failed", serves: false },
      });
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
