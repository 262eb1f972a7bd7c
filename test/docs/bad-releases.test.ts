import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { badReleases } from "../../demo/repository/bad-releases.ts";
import { BAD_RELEASES } from "../support/bad-releases.ts";

describe("the table of bad releases", () => {
  it("has every bad release of the sample, at the stage where the tests find it caught", async () => {
    const page = await readFile(new URL("../../docs/bad-releases.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| `([^`]+)` +\| [^|]+\| (\w+) +\| `([^`]+)` +\|$/gm)];
    expect(rows.map(([, tag, stage, heldBy]) => ({ tag, stage, heldBy }))).to.deep.equal(
      BAD_RELEASES.map(({ tag, stage, heldBy = "bad-releases.nightly" }) => ({
        ...{ tag, stage, heldBy },
      })),
    );
  });

  it("leaves out no release that the sample expects to go wrong", () => {
    const wrong = badReleases().filter(({ expected }) => expected !== "serves");
    expect(BAD_RELEASES.map(({ tag, from }) => `${tag} ${from}`).sort()).to.deep.equal(
      wrong.map(({ tag, from }) => `${tag} ${from}`).sort(),
    );
    const stages: Record<string, string> = {
      "is refused": "preview",
      "does not build": "J3",
      "is reverted": "J9",
    };
    for (const { tag, expected } of wrong)
      expect(BAD_RELEASES.find((release) => release.tag === tag)?.stage, tag).to.equal(
        stages[expected],
      );
  });
});
