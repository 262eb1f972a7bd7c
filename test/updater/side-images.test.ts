import { expect } from "chai";
import { type Answer, factsOf, type RunningImage } from "../../updater/side-images.ts";

const [OLD, NEW] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];
const OWN = { postgres: "postgres:17" };

describe("factsOf", () => {
  const running = (changes: Partial<RunningImage> = {}): RunningImage => ({
    ...{ service: "postgres", reference: "postgres:17", digests: [`postgres@${OLD}`] },
    ...changes,
  });
  const has = (digest: string, image = "postgres:17"): Map<string, Answer> =>
    new Map([[image, { newest: { digest } }]]);

  it("finds a newer digest under the same tag", () => {
    expect(factsOf(running({ postgresMajor: "17" }), OWN, has(NEW))).to.deep.equal({
      ...{ service: "postgres", image: "postgres:17", runs: OLD, postgresMajor: "17" },
      ...{ newest: { digest: NEW }, isNewer: true, isSettable: true },
    });
  });

  it("takes an image that several digests lead to for the one that any of them names", () => {
    const digests = [`postgres@${OLD}`, `postgres@${NEW}`];
    expect(factsOf(running({ digests }), OWN, has(NEW))).to.include({ isNewer: false });
    const reference = `postgres:17@${NEW}`;
    expect(factsOf(running({ reference, digests }), OWN, has(NEW))).to.include({
      ...{ image: "postgres:17", runs: NEW, isNewer: false, isSettable: true },
    });
  });

  it("calls nothing newer than what was never pulled, or what no registry was asked for", () => {
    const built = factsOf(running({ digests: [] }), OWN, has(NEW));
    expect(built).to.include({ isNewer: false }).and.not.to.have.property("runs");
    const unasked = factsOf(running(), OWN, new Map());
    expect(unasked).to.include({ runs: OLD, isNewer: false }).and.not.to.have.property("newest");
  });

  it("passes on why a registry gave no answer", () => {
    const answers = new Map([["postgres:17", { problem: "it is away" }]]);
    expect(factsOf(running(), OWN, answers)).to.include({ problem: "it is away", isNewer: false });
  });

  it("leaves alone what the setting doesn't decide: another image than the release's", () => {
    const reference = "timescale/timescaledb:latest-pg17";
    const facts = factsOf(running({ reference }), OWN, has(NEW, reference));
    expect(facts).to.include({ image: reference, isSettable: false });
  });

  it("says nothing of an image that has no tag", () => {
    expect(factsOf(running({ reference: `postgres@${OLD}` }), OWN, new Map())).to.equal(undefined);
  });
});
