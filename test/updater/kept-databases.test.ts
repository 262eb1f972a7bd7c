import { expect } from "chai";
import { chosenDatabase, fittingDatabases, keptCopies } from "../../updater/kept-databases.ts";
import type { KeptDatabase } from "../../updater/protocol.ts";
import { applied, ledgerRecord, OLD_COMMIT, release, servingRecord } from "./samples.ts";

const served = (sequence: number, ...versions: number[]) =>
  ledgerRecord({
    sequence,
    serving: { ...servingRecord(OLD_COMMIT), applied: applied(...versions) },
  });

describe("keptCopies", () => {
  it("knows what is in a copy from the committed job before it", () => {
    const records = [
      served(1, 1),
      ledgerRecord({ sequence: 2, outcome: "reverted" }),
      served(3, 1, 2),
      served(4, 1),
    ];
    const names = ["postgres", "chat", "chat_before_3", "chat_left_4", "chat_failed_2"];
    const kept = keptCopies(names, "chat", { records });
    expect(kept.map(({ name, applied: { length } }) => `${name} ${length}`)).to.deep.equal([
      "chat_before_3 1",
      "chat_left_4 2",
    ]);
    expect(kept[0]).to.include({ way: "revert-point", sequence: 3 });
  });

  it("has the copy of a job that could not go back: what was live may be nowhere else", () => {
    const records = [served(1, 1), ledgerRecord({ sequence: 2, outcome: "needs-operator" })];
    expect(keptCopies(["chat_before_2"], "chat", { records })).to.have.length(1);
  });

  it("takes no copy for a job's that makes none: it is of an earlier life of the server", () => {
    const records = [served(1, 1), ledgerRecord({ sequence: 2, kind: "backup" })];
    expect(keptCopies(["chat_before_2"], "chat", { records })).to.deep.equal([]);
  });

  it("takes no copy of a job that was taken back, and none that this tool did not name", () => {
    const records = [served(1, 1), ledgerRecord({ sequence: 2, outcome: "reverted" })];
    const names = ["chat_before_2", "chat_before_x", "chat_left_9", "other_before_1"];
    expect(keptCopies(names, "chat", { records })).to.deep.equal([]);
  });
});

describe("fittingDatabases", () => {
  const kept = (sequence: number, ...versions: number[]): KeptDatabase => ({
    way: sequence % 2 === 0 ? "backup" : "revert-point",
    name: String(sequence),
    sequence,
    at: "",
    applied: applied(...versions),
  });
  const names = (...databases: KeptDatabase[]): string =>
    fittingDatabases(databases, release(OLD_COMMIT, [1, 2]))
      .map(({ name }) => name)
      .join();

  it("leaves out what has a migration that the release doesn't know, or another content", () => {
    const edited = { ...kept(4, 1, 2), applied: [{ ...applied(1)[0]!, checksum: "e".repeat(96) }] };
    expect(names(kept(1, 1, 2), kept(2, 1, 2, 3), edited)).to.equal("1");
  });

  it("takes exactly the release's migrations before fewer, and the newest before older ones", () => {
    expect(names(kept(1, 1, 2), kept(3, 1, 2), kept(5, 1))).to.equal("3,1,5");
  });

  it("has a best one for each way", () => {
    const fitting = fittingDatabases(
      [kept(1, 1, 2), kept(2, 1, 2), kept(4, 1)],
      release(OLD_COMMIT),
    );
    expect(chosenDatabase(fitting, "backup")?.name).to.equal("2");
    expect(chosenDatabase(fitting, "revert-point")?.name).to.equal("1");
    expect(chosenDatabase([], "backup")).to.equal(undefined);
  });
});
