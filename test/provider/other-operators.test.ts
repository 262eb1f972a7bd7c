import { expect } from "chai";
import {
  broughtAddition,
  hasUnseenSettings,
  refuseToTakeBack,
  tellOtherSettings,
  tellUnseenSettings,
  unknownServing,
} from "../../provider/other-operators.ts";
import type { ForeseenAnswer, ServerState } from "../../updater/protocol.ts";
import { expectColumns } from "./support/columns.ts";
import { COMMIT, listeningContext, NEWER, servingState } from "./support/samples.ts";

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
  const asBefore = { commit: COMMIT, ...broughtAddition({ commit: COMMIT }, state) };

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

  it("is noted only where something serves", () => {
    expect(broughtAddition({ commit: COMMIT }, { ...state, serving: undefined })).to.deep.equal({});
  });

  it("is what a stack begins with that has deployed nothing yet", () => {
    const [refusal] = unknownServing({}, { commit: COMMIT }, state);
    expect(refusal)
      .to.include(`pulumi config set release v2.0.0@${NEWER}`)
      .and.include("restarts nothing where the settings are the same");
    expect(unknownServing({}, { commit: NEWER }, state)).to.deep.equal([]);
    expect(unknownServing({ commit: COMMIT }, { commit: COMMIT }, state)).to.deep.equal([]);
  });
});

describe("settings that another operator brought for the same release", () => {
  const state = broughtByBob();
  const news = { commit: NEWER, ...broughtAddition({ commit: NEWER }, state) };

  it("are seen by the number of the switch, and refused by nothing", () => {
    const olds = { commit: NEWER, sequence: 8 };
    expect(hasUnseenSettings(olds, news)).to.equal(true);
    expect(() => refuseToTakeBack(olds, news)).not.to.throw();
    const context = listeningContext();
    tellUnseenSettings(context, olds, news);
    expectColumns(context.told);
    expect(context.told.join().replaceAll(/\s+/g, " "))
      .to.match(/^SETTINGS v2\.0\.0 \(2222222\) serves since/)
      .and.include("brought by bob@laptop (job 9)")
      .and.include("its last job was 8");
  });

  it("are none where this stack brought what serves, whatever jobs of other kinds came later", () => {
    for (const olds of [{ commit: NEWER, sequence: 9 }, { commit: NEWER, sequence: 12 }, {}])
      expect(hasUnseenSettings(olds, news)).to.equal(false);
    const context = listeningContext();
    tellUnseenSettings(context, { commit: NEWER, sequence: 9 }, news);
    expect(context.told).to.deep.equal([]);
  });

  describe("and that a stack without a state replaces", () => {
    async function told(
      answer: ForeseenAnswer | undefined,
      drift: string[] = [],
      olds = {},
      asked = NEWER,
    ) {
      const context = listeningContext();
      const foresee = async (): Promise<ForeseenAnswer | undefined> => answer;
      await tellOtherSettings(context, olds, { commit: asked }, { ...state, drift }, foresee);
      expectColumns(context.told);
      return context.told.join().replaceAll(/\s+/g, " ");
    }

    it("are told where the server would restart for them", async () => {
      expect(await told({ answer: "would-start" }))
        .to.include("brought by bob@laptop (job 9), with other settings than this stack's")
        .and.include("replace them")
        .and.include("one restart");
    });

    it("are told as possible where that can't be known", async () => {
      expect(await told(undefined)).to.include("may have other settings");
      expect(await told({ answer: "would-start" }, ["it is stopped"])).to.include("may have other");
    });

    it("are not told where they are the same, or the stack has a state, or asks for more", async () => {
      expect(await told({ answer: "unchanged", instanceId: "instance-a" })).to.equal("");
      expect(await told(undefined, [], { commit: NEWER })).to.equal("");
      expect(await told(undefined, [], {}, COMMIT)).to.equal("");
    });
  });
});
