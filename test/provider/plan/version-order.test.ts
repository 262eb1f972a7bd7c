import { expect } from "chai";
import semver from "semver";
import {
  isAbove,
  type VersionedRelease,
  versionOf,
  versionOrder,
} from "../../../provider/plan/version-order.ts";

const COMMIT = "2".repeat(40);

function release(name: string, version?: string): VersionedRelease {
  return { name, ...(version === undefined ? {} : { version }) };
}

describe("versionOrder", () => {
  for (const [before, after, order] of [
    [release("v1.9.0"), release("v1.10.0"), "newer"],
    [release("v2.0.0"), release(`v2.0.0-rc.1@${COMMIT}`), "older"],
    [release("v1.0.0"), release("v1.0.0"), "unknown"],
    [release("v2.0.0", "0.1.0"), release("v1.0.0", "0.2.0"), "older"],
    [release(COMMIT, "0.1.0"), release("v1.0.0", "0.2.0"), "newer"],
    [release(COMMIT, "0.1.0"), release("v1.0.0"), "unknown"],
    [release("nightly"), release("v1.0.0"), "unknown"],
  ] as const)
    it(`takes ${told(after)} after ${told(before)} for ${order}`, () => {
      expect(versionOrder(before, after)).to.equal(order);
    });

  function told({ name, version }: VersionedRelease): string {
    return `${name.slice(0, 20)}${version === undefined ? "" : ` (${version})`}`;
  }
});

describe("versionOf", () => {
  it("is the tag's, else what the release calls itself, else none", () => {
    expect(versionOf(release("v1.2.0", "0.1.0"))?.version).to.equal("1.2.0");
    expect(versionOf(release(COMMIT, "0.1.0"))?.version).to.equal("0.1.0");
    expect(versionOf(release(COMMIT))).to.equal(null);
  });
});

describe("isAbove", () => {
  const version = new semver.SemVer("1.2.0");

  for (const heading of ["1.2.1", "v1.10.0", "1.3", "2.x"])
    it(`takes ${heading} for newer than ${version.version}`, () => {
      expect(isAbove(heading, version)).to.equal(true);
    });

  for (const heading of ["1.2.0", "1.2.0-rc.1", "1.1", "Unreleased"])
    it(`does not take ${heading} for newer than ${version.version}`, () => {
      expect(isAbove(heading, version)).to.equal(false);
    });
});
