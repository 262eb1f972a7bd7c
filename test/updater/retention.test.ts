import { expect } from "chai";
import type { BackupSummary, Reach } from "../../updater/protocol.ts";
import {
  type Arrival,
  isLastProven,
  isProofDue,
  type Keep,
  leaving,
  outdatedBackups,
} from "../../updater/retention.ts";

const release = (letter: string) => ({ name: `v-${letter}`, commit: letter.repeat(40) });

function backup(sequence: number, isProven = true): BackupSummary {
  const provenAt = "2026-03-01T12:00:00Z";
  return { name: String(sequence), sequence, ...(isProven ? { provenAt } : {}) };
}

const REACH: Reach = {
  releases: [release("c"), release("b"), release("a")],
  backups: [backup(1), backup(2), backup(3, false), backup(4)],
  revertPoints: ["chatalot_before_4", "chatalot_before_2"],
};
const ARRIVAL: Arrival = { commit: "d".repeat(40), isBackupProven: true, hasRevertPoint: true };
const KEEP: Keep = { releases: 3, backups: 3, revertPoints: 2 };

describe("leaving", () => {
  function left(arrival: Partial<Arrival> = {}, keep: Partial<Keep> = {}): string {
    const gone = leaving(REACH, { ...ARRIVAL, ...arrival }, { ...KEEP, ...keep });
    return [
      gone.releases.map(({ name }) => name).join(" "),
      gone.backups.map(({ name }) => name).join(" "),
      gone.revertPoints.join(" "),
    ].join("|");
  }

  it("gives up the oldest of each kind for what arrives", () => {
    expect(left()).to.equal("v-a|1|chatalot_before_2");
  });

  it("gives up nothing while there is room", () => {
    expect(left({}, { releases: 4, backups: 4, revertPoints: 3 })).to.equal("||");
  });

  it("gives up no release for one that is among them", () => {
    expect(left({ commit: "a".repeat(40) })).to.match(/^\|/);
    expect(left({ commit: "a".repeat(40) }, { releases: 2 })).to.match(/^v-b\|/);
  });

  it("gives up no backup for one that is not proven, and no revert point where none is made", () => {
    expect(left({ isBackupProven: false, hasRevertPoint: false })).to.equal("v-a||");
  });

  it("gives up unproven backups with the proven one before which they were taken", () => {
    expect(left({}, { backups: 1 })).to.equal("v-a|1 2 3 4|chatalot_before_2");
  });

  it("gives up all revert points where none is to be kept", () => {
    expect(left({}, { revertPoints: 0 })).to.match(/chatalot_before_4 chatalot_before_2$/);
  });
});

describe("backups by hand", () => {
  const manual = (sequence: number): BackupSummary => ({ ...backup(sequence), kind: "manual" });

  it("are neither counted nor given up", () => {
    const all = [manual(1), backup(2), backup(3), manual(4), manual(5)];
    expect(outdatedBackups(all, 2)).to.deep.equal([]);
    expect(outdatedBackups(all, 1).map(({ sequence }) => sequence)).to.deep.equal([2]);
    expect(outdatedBackups([manual(1), manual(2)], 1)).to.deep.equal([]);
  });
});

describe("isLastProven", () => {
  it("is so for the only one that was restored, however many others there are", () => {
    const all = [backup(1, false), backup(2), backup(3, false)];
    expect(all.map(({ name }) => isLastProven(all, name))).to.deep.equal([false, true, false]);
  });

  it("is so for none where two are proven, or none is", () => {
    for (const all of [[backup(1), backup(2)], [backup(1, false)], []])
      expect(isLastProven(all, "1")).to.equal(false);
  });
});

describe("isProofDue", () => {
  const DAY = 24 * 3_600_000;
  const provenAgo = (milliseconds: number): { provenAt: string } => ({
    provenAt: new Date(Date.now() - milliseconds).toISOString(),
  });

  it("is so where no backup is proven, and a week after the last proof", () => {
    expect(isProofDue([])).to.equal(true);
    expect(isProofDue([{}])).to.equal(true);
    expect(isProofDue([provenAgo(6 * DAY), {}])).to.equal(false);
    expect(isProofDue([provenAgo(8 * DAY)])).to.equal(true);
  });

  it("is so where the proof is of a time to come", () => {
    expect(isProofDue([provenAgo(-DAY)])).to.equal(true);
  });
});
