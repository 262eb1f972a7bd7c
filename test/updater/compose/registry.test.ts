import { arch } from "node:process";
import { expect } from "chai";
import { ofThisProcessor } from "../../../updater/drivers/compose/registry.ts";

const OWN = arch === "arm64" ? "linux/arm64/v8" : "linux/amd64";

describe("ofThisProcessor", () => {
  const described = { created: "2026-03-01T12:00:00Z", config: { Env: ["PG_MAJOR=17"] } };

  it("takes the description of an image for one processor as it is", () => {
    expect(ofThisProcessor(described)).to.deep.equal(described);
  });

  it("finds the server's own among those of several", () => {
    const all = { "linux/s390x": { created: "2020-01-01T00:00:00Z" }, [OWN]: described };
    expect(ofThisProcessor(all)).to.deep.equal(described);
    expect(ofThisProcessor({ "linux/s390x": described })).to.deep.equal({});
  });

  it("knows nothing where there is nothing", () => {
    for (const answer of [null, undefined, {}]) expect(ofThisProcessor(answer)).to.deep.equal({});
  });
});
