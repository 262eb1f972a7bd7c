import { expect } from "chai";
import { endOf } from "../../../cli/run/up.ts";
import { COMMIT, NEWER, servingState } from "../../provider/support/samples.ts";

describe("endOf", () => {
  it("is done where pulumi says so", () => {
    expect(endOf(0, NEWER, undefined)).to.deep.equal({ end: "done", serves: true });
  });

  it("is under way while a job is open, and where the server can't be asked", () => {
    const openJob = {
      ...{ sequence: 5, kind: "switch" as const, requestedBy: "ada@desk" },
      ...{ openedAt: "2026-03-03T12:00:00Z", step: "J8" },
    };
    expect(endOf(1, NEWER, servingState({ openJob })).end).to.equal("under-way");
    expect(endOf(1, NEWER, undefined).end).to.equal("under-way");
  });

  it("has failed where what served before serves", () => {
    expect(endOf(1, NEWER, servingState())).to.deep.equal({ end: "failed", serves: false });
  });

  it("has failed and serves all the same where only a look at the public address failed", () => {
    expect(endOf(1, COMMIT, servingState())).to.deep.equal({ end: "failed", serves: true });
  });
});
