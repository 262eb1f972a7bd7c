import { expect } from "chai";
import type { BackupSummary, Reach } from "../../updater/protocol.ts";
import { type Arrival, isProofDue, type Keep, leaving } from "../../updater/retention.ts";

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
