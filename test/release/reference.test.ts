import { expect } from "chai";
import { UserError } from "../../common/errors.ts";
import { isUsableTag, parseReference, pinned, tagOf } from "../../release/reference.ts";

describe("parseReference", () => {
  const accepted: [string, { tag?: string; commit?: string }][] = [
    ["v0.22.6", { tag: "v0.22.6" }],
    ["release/2026-03", { tag: "release/2026-03" }],
    ["v1.0.0+build.1", { tag: "v1.0.0+build.1" }],
    ["2d55427", { commit: "2d55427" }],
    ["2D55427", { commit: "2d55427" }],
    ["a".repeat(40), { commit: "a".repeat(40) }],
    ["v0.22.6@2D55427", { tag: "v0.22.6", commit: "2d55427" }],
    ["20261123@2d55427", { tag: "20261123", commit: "2d55427" }],
    ["abc123", { tag: "abc123" }],
  ];
  for (const [text, parts] of accepted) {
    it(`reads ${text}`, () => {
      expect(parseReference(text)).to.deep.equal({ name: text, ...parts });
    });
  }

  const refused = [
    "",
    " ",
    "a b",
    "v1 ",
    "-u",
    "--upload-pack=x",
    "-x@2d55427",
    "a/-x",
    "refs/tags/v1",
    "refs/tags/-x",
    "HEAD",
    "FETCH_HEAD",
    "HEAD@2d55427",
    "a..b",
    "v1@{1}",
    "v1@{upstream}",
    "@",
    "v1@",
    "@2d55427",
    "v1@abc",
    "v1@2d55427@x",
    "v1^{}",
    "v1~1",
    "v1:x",
    "v1?",
    "v*",
    "v[1]",
    "a\\b",
    "a//b",
    "/a",
    "a/",
    ".a",
    "a/.b",
    "a.",
    "a.lock",
    "a.lock/b",
    "a\nb",
    "a\rb",
    "a\0b",
    "a\tb",
    "v1;id",
    "$(id)",
    "`id`",
    "'v1'",
    '"v1"',
    "v1%",
    "vé",
    "x".repeat(129),
    "x".repeat(1_000_000),
    "a".repeat(41) + "@",
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      expect(() => parseReference(text)).to.throw(UserError, '"release" can\'t be');
    });
  }

  it("tells tags that it can work with from others", () => {
    expect(isUsableTag("v1")).to.equal(true);
    expect(isUsableTag("-x")).to.equal(false);
  });
});

describe("pinned", () => {
  const commit = "1".repeat(40);
  for (const [name, wanted] of [
    ["v1", `v1@${commit}`],
    [`v1@${commit.slice(0, 7)}`, `v1@${commit}`],
    [commit.slice(0, 7), commit],
  ] as const)
    it(`names the whole commit of ${name}`, () => {
      expect(pinned({ name, commit })).to.equal(wanted);
    });
});

describe("tagOf", () => {
  it("is the same however the release was asked for", () => {
    expect(["v1.0.1", "v1.0.1@b3c9f01"].map(tagOf)).to.deep.equal(["v1.0.1", "v1.0.1"]);
  });

  it("is none where there is none, or the name is none of this tool's", () => {
    expect(["2d55427", "v1..2", "", "--upload-pack=x"].map(tagOf)).to.deep.equal(
      Array(4).fill(undefined),
    );
  });
});
