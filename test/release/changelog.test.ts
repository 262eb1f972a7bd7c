import { expect } from "chai";
import { compareChangelogs, parseChangelog } from "../../release/changelog.ts";

describe("parseChangelog", () => {
  it("reads Keep a Changelog", () => {
    const text = `# Changelog

All notable changes.

## [Unreleased]

### Added
- A thing
  with a second line.

## [1.2.0] - 2026-01-31
### Breaking changes
- \`PUBLIC_URL\` must be set.
### Added
* An audit log.
1. A numbered one.

[1.2.0]: https://example.org
`;
    expect(parseChangelog(text)).to.deep.equal([
      { version: "Unreleased", changes: ["A thing with a second line."], breaking: [] },
      {
        version: "1.2.0",
        changes: [
          ...["`PUBLIC_URL` must be set.", "An audit log.", "A numbered one."],
          "[1.2.0]: https://example.org",
        ],
        breaking: ["`PUBLIC_URL` must be set."],
      },
    ]);
  });

  const headings: [string, string | undefined][] = [
    ["## v0.14.x", "v0.14.x"],
    ["# 1.2", "1.2"],
    ["### Version 3.0.1 (2026-02-01)", "3.0.1"],
    ["## Release v2.0.0-rc.1 ##", "v2.0.0-rc.1"],
    ["## [v1.0.0](https://example.org/compare)", "v1.0.0"],
    ["## Added", undefined],
    ["## 2026", undefined],
    ["#1.0.0", undefined],
  ];
  for (const [heading, version] of headings)
    it(`takes "${heading}" for ${version ?? "no version"}`, () => {
      expect(parseChangelog(`${heading}\n- a`)[0]?.version).to.equal(version);
    });

  it("finds what is called breaking in a line of its own", () => {
    const [entry] = parseChangelog(
      "## 2.0.0\n- **BREAKING**: a\n- not breaking\n- Breaking change: b",
    );
    expect(entry?.breaking).to.deep.equal(["**BREAKING**: a", "Breaking change: b"]);
  });

  it("finds what breaks below any number of other changes, with its further lines", () => {
    const others = "- x\n  y\n".repeat(300);
    const [entry, next] = parseChangelog(
      `## 2.0.0\n${others}- BREAKING: a\n  b\n- c\n  d\n### Breaking\n- e\n## 1.0.0\n- f`,
    );
    expect(entry?.changes).to.deep.equal(Array(200).fill("x y"));
    expect(entry?.breaking).to.deep.equal(["BREAKING: a b", "e"]);
    expect(next).to.deep.equal({ version: "1.0.0", changes: ["f"], breaking: [] });
  });

  it("shows nothing that steers a terminal, and no endless text", () => {
    const [entry] = parseChangelog(`## 1.0.0\n- a\u001b[31mb\u202e\n- ${"x".repeat(10_000)}`);
    expect(entry?.changes[0]).to.equal("a?[31mb?");
    expect(entry?.changes[1]).to.have.lengthOf(200);
    const many = parseChangelog(`## 1.0.0\n${"- x\n".repeat(100_000)}`);
    expect(many[0]?.changes).to.have.lengthOf(200);
    const broken = parseChangelog(`## 1.0.0\n### Breaking\n${"- x\n".repeat(10_000)}`);
    expect(broken[0]?.breaking).to.have.lengthOf(200);
    const huge = `## 1.0.0\n- a\n${"y".repeat(20 * 2 ** 20)}`;
    expect(parseChangelog(huge)).to.have.length(1);
  });
});

describe("compareChangelogs", () => {
  const older = "# Changelog\n## Unreleased\n- a\n## v1.0.0\n- first\n";

  it("gives the entries that the older one doesn't have, newest first", () => {
    const newer = "# Changelog\n## v1.2.0\n- c\n## 1.1.0\n- b\n## v1.0.0\n- first\n";
    expect(compareChangelogs(older, newer)).to.deep.equal({
      entries: [
        { version: "v1.2.0", changes: ["c"], breaking: [] },
        { version: "1.1.0", changes: ["b"], breaking: [] },
      ],
      newest: "v1.2.0",
    });
  });

  it("gives of an entry that has grown what is new", () => {
    const newer = "## Unreleased\n- a\n- BREAKING: b\n## v1.0.0\n- first\n";
    expect(compareChangelogs(older, newer).entries).to.deep.equal([
      { version: "Unreleased", changes: ["BREAKING: b"], breaking: ["BREAKING: b"] },
    ]);
  });

  it("gives what breaks of an entry that has grown beyond what is told", () => {
    const long = `## Unreleased\n${"- x\n".repeat(300)}`;
    const { entries } = compareChangelogs(
      `${long}- BREAKING: a\n`,
      `${long}- BREAKING: a\n- BREAKING: b\n`,
    );
    expect(entries).to.deep.equal([
      { version: "Unreleased", changes: [], breaking: ["BREAKING: b"] },
    ]);
  });

  it("says where a changelog ends that has no new entry", () => {
    expect(compareChangelogs(older, older)).to.deep.equal({ entries: [], newest: "v1.0.0" });
    expect(compareChangelogs(undefined, "")).to.deep.equal({ entries: [] });
  });
});
