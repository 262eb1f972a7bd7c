import { expect } from "chai";
import {
  describePins,
  describeSideImages,
  newerImages,
  pinsOf,
} from "../../../cli/updates/side-images.ts";
import type { SideImageFacts } from "../../../updater/side-images-protocol.ts";

const [OLD, NEW] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];

function image(changes: Partial<SideImageFacts> = {}): SideImageFacts {
  return {
    ...{ service: "postgres", image: "postgres:17", runs: OLD, postgresMajor: "17" },
    newest: { digest: NEW, madeAt: "2026-03-01T12:00:00.000Z", postgresMajor: "17" },
    ...{ isNewer: true, isSettable: true },
    ...changes,
  };
}

describe("side images", () => {
  it("are pinned by tag and digest", () => {
    const newer = newerImages([image()]);
    expect(pinsOf(newer)).to.deep.equal({ postgres: `postgres:17@${NEW}` });
    expect(describePins(newer)).to.equal("postgres postgres:17 aaaaaaaaaaaa -> bbbbbbbbbbbb");
  });

  const left: [string, Partial<SideImageFacts>, RegExp][] = [
    ["that run already", { isNewer: false, newest: { digest: OLD } }, /aaaaaaaaaaaa +the same/],
    [
      "with another major version of PostgreSQL",
      { newest: { digest: NEW, postgresMajor: "18" } },
      /PostgreSQL 18, not 17: would not read the data/,
    ],
    [
      "that the setting doesn't decide",
      { isSettable: false },
      /newer; the release or your override/,
    ],
  ];
  for (const [what, changes, text] of left)
    it(`are not taken where they are ones ${what}, and are listed`, () => {
      expect(newerImages([image(changes)])).to.deep.equal([]);
      expect(describeSideImages([image(changes)]))
        .to.match(text)
        .and.not.to.contain("npx chatalot update --side-images");
    });

  it("are a table with short digests, the day of the newest, and what to do", () => {
    const text = describeSideImages([
      image(),
      image({ service: "coturn", image: "coturn/coturn:4.6", isNewer: false }),
    ]);
    expect(text).to.match(/SERVICE +IMAGE +RUNS +NEWEST +SINCE/);
    expect(text).to.match(/postgres +postgres:17 +a{12} +b{12} +2026-03-01 +newer/);
    expect(text).to.match(/npx chatalot update --side-images$/);
  });

  it("say why a registry gave no answer, and what no registry knows", () => {
    const { newest: _, runs: _runs, ...rest } = image({ isNewer: false });
    const text = describeSideImages([{ ...rest, problem: "postgres:17 does not exist.\u001b[2J" }]);
    expect(text).to.match(/not of a registry +not known/);
    expect(text)
      .to.contain("postgres:17: postgres:17 does not exist.")
      .and.not.to.contain("\u001b");
  });

  it("are not mentioned where there are none", () => {
    expect(describeSideImages([])).to.equal("");
  });
});
