import { expect } from "chai";
import { compareMigrations, type Migration } from "../../release/compare.ts";

function migration(version: number, checksum = `c${version}`): Migration {
  return { version, description: `step ${version}`, file: `${version}_step.sql`, checksum };
}

const versions = (list: readonly { version: number }[]): number[] =>
  list.map(({ version }) => version);

describe("compareMigrations", () => {
  it("finds everything pending on an empty database, sorted", () => {
    const result = compareMigrations([], [migration(10), migration(2)]);
    expect(versions(result.pending)).to.deep.equal([2, 10]);
    expect(result).to.deep.include({ missing: [], edited: [], outOfOrder: [] });
  });

  it("finds nothing to do where both have the same, whatever the case of the checksums", () => {
    const result = compareMigrations([migration(1, "AB")], [migration(1, "ab")]);
    expect(result).to.deep.equal({ pending: [], missing: [], edited: [], outOfOrder: [] });
  });

  it("finds applied migrations that the release doesn't have", () => {
    const result = compareMigrations([migration(3), migration(2), migration(1)], [migration(1)]);
    expect(versions(result.missing)).to.deep.equal([2, 3]);
  });

  it("finds migrations that were edited after they were applied", () => {
    const { edited } = compareMigrations([migration(1, "aa")], [migration(1, "bb")]);
    expect(edited).to.deep.equal([{ applied: migration(1, "aa"), release: migration(1, "bb") }]);
  });

  it("sees a renumbered migration as missing and pending", () => {
    const result = compareMigrations([migration(1), migration(2)], [migration(1), migration(3)]);
    expect(versions(result.missing)).to.deep.equal([2]);
    expect(versions(result.pending)).to.deep.equal([3]);
  });

  it("finds pending ones below the newest applied one", () => {
    const release = [migration(1), migration(2), migration(3), migration(4)];
    const result = compareMigrations([migration(1), migration(3)], release);
    expect(versions(result.pending)).to.deep.equal([2, 4]);
    expect(versions(result.outOfOrder)).to.deep.equal([2]);
  });
});
