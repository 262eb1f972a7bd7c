import { expect } from "chai";
import { otherAddition, refuseToTakeBack, unknownServing } from "../../provider/other-operators.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { COMMIT, NEWER, servingState } from "./support/samples.ts";

/** A server on which somebody else brought a newer release, as job 9. */
function broughtByBob(): ServerState {
  const state = servingState();
  const { serving } = state;
  if (serving === undefined) throw new Error("nothing serves");
  const release = { name: `v2.0.0@${NEWER}`, commit: NEWER, migrations: [] };
  return { ...state, serving: { ...serving, sequence: 9, release, requestedBy: "bob@laptop" } };
}

describe("a release that another operator brought", () => {
  const state = broughtByBob();
  const asBefore = { commit: COMMIT, ...otherAddition({ commit: COMMIT }, state) };

  it("is not taken back by a stack that has not seen it", () => {
    expect(() => refuseToTakeBack({ commit: COMMIT, sequence: 8 }, asBefore))
      .to.throw("v2.0.0 (2222222) serves since")
      .with.property("message")
      .that.includes("brought by bob@laptop (job 9)")
      .and.includes("pulumi refresh");
  });

  it("may be taken back by one that has seen it, and by a decision for another release", () => {
    for (const [olds, news] of [
      [{ commit: NEWER, sequence: 9 }, asBefore],
      [{ commit: COMMIT, sequence: 9 }, asBefore],
      [{ commit: "3".repeat(40), sequence: 8 }, asBefore],
      // A stack of an earlier version didn't note the number.
      [{ commit: COMMIT }, asBefore],
      [{ commit: COMMIT, sequence: 8 }, { commit: COMMIT }],
    ])
      expect(() => refuseToTakeBack(olds ?? {}, news ?? {})).not.to.throw();
  });

  it("is noted only where it is another one than was asked for", () => {
    expect(otherAddition({ commit: NEWER }, state)).to.deep.equal({});
    expect(otherAddition({ commit: COMMIT }, { ...state, serving: undefined })).to.deep.equal({});
  });

  it("is what a stack begins with that has deployed nothing yet", () => {
    const [refusal] = unknownServing({}, { commit: COMMIT }, state);
    expect(refusal).to.include(`pulumi config set release v2.0.0@${NEWER}`);
    expect(unknownServing({}, { commit: NEWER }, state)).to.deep.equal([]);
    expect(unknownServing({ commit: COMMIT }, { commit: COMMIT }, state)).to.deep.equal([]);
  });
});
