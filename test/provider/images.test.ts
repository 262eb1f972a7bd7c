import { expect } from "chai";
import { buildPlace, imageAttempts } from "../../provider/images.ts";
import { platformOf, platformsOf } from "../../provider/local-build.ts";

const GITHUB = "https://github.com/us/chatalot.git";
const release = { name: "v1.0.0", commit: "1".repeat(40) };
const references = ["1.0.0", "v1.0.0", release.commit].map((tag) => `ghcr.io/us/chatalot:${tag}`);

function attempts(image: string, buildOn: "server" | "here", repository = GITHUB) {
  return imageAttempts({ image, buildOn, cacheBytes: 5 }, repository, release);
}

describe("imageAttempts", () => {
  it("builds on the server with its limits", () => {
    expect(
      imageAttempts(
        { image: "build", buildOn: "server", memoryBytes: 7, cacheBytes: 5 },
        GITHUB,
        release,
      ),
    ).to.deep.equal([
      {
        order: { source: "build", references: [], memoryBytes: 7, cacheBytes: 5 },
        sendFirst: false,
      },
    ]);
  });

  it("leaves it to one job to pull or build on the server", () => {
    expect(attempts("auto", "server")).to.deep.equal([
      { order: { source: "auto", references, cacheBytes: 5 }, sendFirst: false },
    ]);
  });

  it("pulls first where the build would be here", () => {
    expect(attempts("auto", "here")).to.deep.equal([
      { order: { source: "pull", references, cacheBytes: 5 }, sendFirst: false },
      { order: { source: "sent", references: [] }, sendFirst: true },
    ]);
  });

  it("never builds where a published image is asked for", () => {
    for (const image of ["pull", "ghcr.io/us/chatalot"])
      expect(attempts(image, "here").map(({ order }) => order.source)).to.deep.equal(["pull"]);
  });

  it("builds at once where no published image can be known", () => {
    const sources = attempts("auto", "server", "/srv/git").map(({ order }) => order.source);
    expect(sources).to.deep.equal(["build"]);
  });
});

describe("buildPlace", () => {
  it("is nowhere for an image that is only pulled", () => {
    expect(buildPlace({ image: "pull", buildOn: "here" })).to.equal("nowhere");
    expect(buildPlace({ image: "auto", buildOn: "server" })).to.equal("server");
    expect(buildPlace({ image: "build", buildOn: "here" })).to.equal("here");
  });
});

describe("platforms", () => {
  it("are named as Docker names them", () => {
    expect(platformOf("x86_64")).to.equal("linux/amd64");
    expect(platformOf("aarch64")).to.equal("linux/arm64");
  });

  it("are read from what buildx says, without variants", () => {
    const said = "Name: default\nPlatforms: linux/amd64*, linux/amd64/v2, linux/arm64, linux/386\n";
    expect(platformsOf(said)).to.deep.equal(["linux/amd64", "linux/arm64", "linux/386"]);
    expect(platformsOf("Name: default\n")).to.deep.equal([]);
  });
});
