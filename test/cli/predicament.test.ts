import { expect } from "chai";
import { canTakeBack, predicamentText } from "../../cli/predicament.ts";
import type { Predicament } from "../../updater/protocol.ts";

const SHOUT = { version: 9, description: "shout", checksum: "9".repeat(96) };

function predicament(values: Partial<Predicament> = {}): Predicament {
  return {
    marker: "job 12 failed",
    directory: "/srv/chatalot",
    job: {
      sequence: 12,
      requestedBy: "somebody@somewhere",
      openedAt: "2024-01-01T00:00:00.000Z",
      cause: "it ended by itself with exit code 101\nGoing back: no such image",
      step: "R3",
      release: { name: "v1.3.0", commit: "b".repeat(40) },
      previous: { name: "v1.2.0", commit: "a".repeat(40) },
      progressFile: "/srv/chatalot/.deploy/jobs/000012/progress.log",
    },
    containers: [{ name: "chatalot-server", state: "exited", commit: "b".repeat(40) }],
    database: {
      name: "chatalot",
      applied: [SHOUT],
      unknownBefore: [SHOUT],
      revertPoint: "chatalot_before_12",
      failed: "chatalot_failed_12",
      failedIsThere: false,
    },
    backups: [
      {
        dumpFile: "/srv/chatalot/backups/000012-20240101T000000Z/database.dump",
        takenAt: "2024-01-01T00:00:00.000Z",
        release: "v1.2.0",
        size: 3 * 1024 ** 2,
        provenAt: "2024-01-01T00:01:00.000Z",
      },
    ],
    ...values,
  };
}

const database = (values: Partial<NonNullable<Predicament["database"]>>): Partial<Predicament> => ({
  database: { ...(predicament().database as NonNullable<Predicament["database"]>), ...values },
});
const text = (values: Partial<Predicament> = {}): string =>
  predicamentText(predicament(values), "root@chat").join("\n");

describe("predicamentText", () => {
  it("tells cause, containers, databases and backups", () => {
    for (const told of [
      "NEEDS YOU on root@chat, /srv/chatalot",
      "Job 12, v1.2.0 (aaaaaaa) -> v1.3.0 (bbbbbbb), by somebody@somewhere",
      "Cause: it ended by itself with exit code 101",
      "Going back: no such image",
      "container chatalot-server: exited, commit bbbbbbb",
      "database chatalot: 1 migrations, the newest 009 shout",
      "v1.2.0 (aaaaaaa) can't start on it: 009 shout",
      "database chatalot_before_12: the revert point",
      "backup of v1.2.0, 2024-01-01T00:00:00.000Z, 3.1 MB, proven 2024-01-01T00:01:00.000Z",
    ])
      expect(text()).to.contain(told);
  });

  it("has the commands of every way out: back, forward, the same again, and by hand", () => {
    for (const command of [
      "npx chatalot resolve --take-back",
      "pulumi config set release v1.2.0",
      "npx chatalot resolve --clear",
      "pulumi config set retry 12",
      "'ALTER DATABASE chatalot RENAME TO chatalot_failed_12; ALTER DATABASE chatalot_before_12 RENAME TO chatalot'",
    ])
      expect(text()).to.contain(command);
  });

  it("offers no renaming where it was done already, or where nothing was changed", () => {
    expect(text(database({ failedIsThere: true }))).not.to.contain("ALTER DATABASE");
    expect(text(database({ unknownBefore: [] }))).not.to.contain("ALTER DATABASE");
  });

  it("points to the backups where the revert point is gone", () => {
    const gone = predicament();
    delete gone.database?.revertPoint;
    expect(canTakeBack(gone)).to.equal(false);
    const told = predicamentText(gone, "root@chat").join("\n");
    expect(told).to.contain("the revert point is gone").and.to.contain("Restore the database");
    expect(told).not.to.contain("--take-back");
  });

  it("says what it can where neither database nor containers answer", () => {
    const silent = predicament({ containers: [], backups: [] });
    delete silent.database;
    const told = predicamentText(silent, "root@chat").join("\n");
    expect(told).to.contain("Docker does not answer").and.to.contain("no backup");
    expect(told).to.contain("the database does not answer").and.to.contain("--take-back");
  });

  it("shows a marker that no job explains, with the way to clear it", () => {
    const unexplained = predicament({ noWayBack: "No job is known" });
    delete unexplained.job;
    const told = predicamentText(unexplained, "root@chat").join("\n");
    expect(told).to.contain("job 12 failed").and.to.contain("npx chatalot resolve --clear");
    expect(told).not.to.contain("--take-back");
  });
});
