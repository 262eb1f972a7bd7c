import { expect } from "chai";
import { imageCandidates, publishedImage } from "../../release/published-image.ts";

const commit = "2d55427".padEnd(40, "0");

describe("publishedImage", () => {
  it("knows the image of a repository on GitHub, however it is addressed", () => {
    for (const repository of [
      "https://github.com/PurpleNeutral/chatalot.git",
      "https://github.com/purpleneutral/chatalot",
      "ssh://git@github.com/purpleneutral/chatalot.git",
      "git@github.com:purpleneutral/chatalot.git",
    ])
      expect(publishedImage(repository), repository).to.equal("ghcr.io/purpleneutral/chatalot");
  });

  it("knows none of a repository elsewhere", () => {
    for (const repository of [
      "https://example.org/github.com/us/chatalot",
      "https://github.com.example.org/us/chatalot",
      "/srv/git/chatalot",
    ])
      expect(publishedImage(repository), repository).to.equal(undefined);
  });
});

describe("imageCandidates", () => {
  it("tries the tag without its v, the tag and the commit, in this order", () => {
    expect(
      imageCandidates("ghcr.io/us/chatalot", { name: "v0.22.6@2d55427", commit }),
    ).to.deep.equal([
      "ghcr.io/us/chatalot:0.22.6",
      "ghcr.io/us/chatalot:v0.22.6",
      `ghcr.io/us/chatalot:${commit}`,
    ]);
  });

  it("has only the commit for a release without a tag, or with one that no image can have", () => {
    for (const name of ["2d55427", "rel/0.22"])
      expect(imageCandidates("ghcr.io/us/chatalot", { name, commit })).to.deep.equal([
        `ghcr.io/us/chatalot:${commit}`,
      ]);
  });

  it("takes a name with a tag or a digest as it is", () => {
    for (const image of ["localhost:5000/us/chatalot:test", `us/chatalot@sha256:${"a".repeat(64)}`])
      expect(imageCandidates(image, { name: "v1", commit })).to.deep.equal([image]);
  });
});
