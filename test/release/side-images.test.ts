import { expect } from "chai";
import { sideImageProblems, sideImagesOf } from "../../release/side-images.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

describe("sideImagesOf", () => {
  it("names what a tag decides, and nothing that is built, pinned, or named by a variable", () => {
    const images = sideImagesOf(`
services:
  chatalot: { image: "ghcr.io/us/chatalot:1" }
  postgres: { image: "postgres:17" }
  coturn: { image: coturn/coturn }
  bridge: { build: ., image: "bridge:1" }
  pinned: { image: "redis:7@${DIGEST}" }
  chosen: { image: "redis:\${REDIS:-7}" }
`);
    expect(images).to.deep.equal({ postgres: "postgres:17", coturn: "coturn/coturn:latest" });
  });
});

describe("sideImageProblems", () => {
  const own = { postgres: "postgres:17", coturn: "coturn/coturn:latest" };

  it("has none where name and tag are the release's", () => {
    const wanted = { postgres: `postgres:17@${DIGEST}`, coturn: `coturn/coturn:latest@${DIGEST}` };
    expect(sideImageProblems(wanted, own)).to.deep.equal([]);
    expect(sideImageProblems({}, own)).to.deep.equal([]);
  });

  it("names every service that is unknown, or has another name or tag, with what to do", () => {
    const problems = sideImageProblems(
      {
        postgres: `postgres:16@${DIGEST}`,
        coturn: `evil/coturn:latest@${DIGEST}`,
        redis: `redis:7@${DIGEST}`,
        constructor: `redis:7@${DIGEST}`,
      },
      own,
    );
    expect(problems).to.have.length(4);
    expect(problems[0])
      .to.contain("sideImages.postgres is for postgres:16: there that service has postgres:17")
      .and.to.contain("pulumi config rm --path sideImages.postgres");
    expect(problems[1]).to.contain("coturn/coturn:latest");
    expect(problems[2]).to.contain("no such service");
    expect(problems[3]).to.contain("no such service");
  });
});
