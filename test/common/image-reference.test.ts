import { expect } from "chai";
import { isPinnedImage, parseServiceImage } from "../../common/image-reference.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

describe("parseServiceImage", () => {
  const images: [string, { name: string; tag?: string; digest?: string }][] = [
    ["postgres", { name: "postgres", tag: "latest" }],
    ["postgres:17", { name: "postgres", tag: "17" }],
    ["coturn/coturn:4.6", { name: "coturn/coturn", tag: "4.6" }],
    ["127.0.0.1:5055/us/postgres:17", { name: "127.0.0.1:5055/us/postgres", tag: "17" }],
    ["localhost:5000/postgres", { name: "localhost:5000/postgres", tag: "latest" }],
    [`postgres@${DIGEST}`, { name: "postgres", digest: `@${DIGEST}` }],
    [`postgres:17@${DIGEST}`, { name: "postgres", tag: "17", digest: `@${DIGEST}` }],
  ];
  for (const [text, image] of images)
    it(`reads ${text.slice(0, 40)}`, () => {
      expect(parseServiceImage(text)).to.deep.equal(image);
    });

  for (const text of [
    ...["", "--privileged", "-postgres:17", "post gres:17", "postgres:17;ls", "Postgres:17"],
    ...["postgres:", "postgres:17@sha256:ab", `postgres:17\n`, "$(ls):17", "a".repeat(301)],
  ])
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      expect(parseServiceImage(text)).to.equal(undefined);
    });

  it("takes an image for pinned only with a tag and a digest", () => {
    expect(isPinnedImage(`postgres:17@${DIGEST}`)).to.equal(true);
    for (const text of ["postgres:17", `postgres@${DIGEST}`, "postgres", ""])
      expect(isPinnedImage(text), text).to.equal(false);
  });
});
