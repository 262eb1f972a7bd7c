import { expect } from "chai";
import {
  backupEntries,
  checkName,
  describeBackups,
  namedBackup,
  type StackBackups,
} from "../../../cli/backup/list.ts";
import type { RemoteServer } from "../../../provider/server/remote-server.ts";
import { backup, NAME } from "./samples.ts";

const LATER = "000013-20260302T080000Z";

describe("the list of backups", () => {
  const server = { target: "root@chat", place: { directory: "/srv/chatalot" } } as RemoteServer;
  const { proof: _, ...unproven } = backup(LATER).manifest;
  const damage = { foundAt: "2026-03-03T09:00:00.000Z", what: "its dump has 1 bytes" };
  const damaged = { name: LATER, manifest: { ...unproven, kind: "manual" as const, damage } };
  const found = (...backups: StackBackups["backups"]): StackBackups => ({ server, backups });

  it("has the newest first; one of an older version was taken before an update", () => {
    const entries = backupEntries([backup(), damaged]);
    expect(entries.map(({ name, kind }) => [name, kind])).to.deep.equal([
      [LATER, "manual"],
      [NAME, "update"],
    ]);
    expect(entries[1]).to.include({ provenAt: "2026-03-01T20:16:00.000Z" });
    expect(entries[1]).to.not.have.property("damage");
    expect(entries[0]).to.not.have.property("provenAt");
    expect(entries[0]?.damage).to.deep.equal(damage);
  });

  it("shows when each was proven, and what was found", () => {
    const lines = describeBackups(found(backup(), { name: LATER, manifest: unproven })).split("\n");
    expect(lines[0]).to.equal("root@chat, /srv/chatalot; times in UTC");
    expect(lines[2]).to.match(/^NAME +TAKEN +KIND +RELEASE +SIZE +FILES +PROVEN$/);
    expect(lines[3]).to.match(
      /^000013-\S+ .* before an update +v1\.0\.0 \(aaaaaaa\) +0\.0 MB +none +no$/,
    );
    expect(lines[4]).to.match(/^000012-\S+ +2026-03-01 20:15 .* 2026-03-01 20:16$/);
    expect(describeBackups(found(damaged))).to.match(
      /by hand .* DAMAGED, found 2026-03-03 09:00: its dump has 1 bytes$/,
    );
  });

  it("says how to take the first one, and what is under way", () => {
    expect(describeBackups(found())).to.contain("npx chatalot backup take");
    const openJob = { sequence: 14, kind: "backup", step: "J4", requestedBy: "", openedAt: "" };
    expect(describeBackups({ ...found(), openJob: openJob as never })).to.contain(
      "Job 14 (backup) is under way, at step J4.",
    );
  });

  it("finds one by its name, and nothing by a path", () => {
    expect(namedBackup(found(backup()), NAME).name).to.equal(NAME);
    expect(() => namedBackup(found(backup()), LATER)).to.throw(`There is no backup "${LATER}"`);
    expect(() => checkName(NAME)).to.not.throw();
    for (const name of ["../ledger", `${NAME}/`, "--all", `${NAME}.partial`, ""])
      expect(() => checkName(name), name).to.throw("is not the name of a backup");
  });
});
