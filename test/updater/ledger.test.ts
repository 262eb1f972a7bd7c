import { expect } from "chai";
import { appendRecord, readRecords } from "../../updater/framed-log.ts";
import { Ledger } from "../../updater/ledger.ts";
import { instancePaths } from "../../updater/paths.ts";
import type { LedgerRecord } from "../../updater/protocol.ts";
import { mkdir } from "node:fs/promises";
import { ledgerRecord, NEW_COMMIT, OLD_COMMIT, release } from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("Ledger", () => {
  const temporary = useTemporaryDirectory();

  async function ledgerOf(...records: LedgerRecord[]): Promise<Ledger> {
    const paths = instancePaths(temporary());
    await mkdir(paths.state, { recursive: true });
    for (const record of records) await appendRecord(paths.ledger, record);
    return Ledger.read(paths);
  }

  const served = (commit: string, values: Partial<LedgerRecord> = {}): LedgerRecord =>
    ledgerRecord({ release: release(commit), ...values });
  const reverted = (commit: string, values: Partial<LedgerRecord> = {}): LedgerRecord =>
    served(commit, { outcome: "reverted", cause: "it panics", ...values });

  it("knows nothing before the first job", async () => {
    const ledger = await ledgerOf();
    expect(ledger).to.include({ last: undefined, serving: undefined, lastServing: undefined });
    expect(ledger.reverted).to.deep.equal([]);
  });

  const notServing: [string, Partial<LedgerRecord>][] = [
    ["a reverted switch", { outcome: "reverted" }],
    ["an untouched switch", { outcome: "untouched" }],
    ["a stopped switch", { outcome: "stopped" }],
    ["a switch that needs the operator", { outcome: "needs-operator" }],
    ["a prepared release", { kind: "prepare" }],
    ["a removal that failed", { kind: "remove", outcome: "failed" }],
  ];
  for (const [what, values] of notServing)
    it(`takes the newest committed switch for what serves, whatever follows: ${what}`, async () => {
      const committed = served(OLD_COMMIT);
      const ledger = await ledgerOf(served(NEW_COMMIT), committed, served(NEW_COMMIT, values));
      expect(ledger.serving).to.deep.equal(committed);
      expect(ledger.lastServing).to.deep.equal(committed);
    });

  it("has nothing serving after a removal, and still knows what served last", async () => {
    const committed = served(OLD_COMMIT);
    const ledger = await ledgerOf(committed, ledgerRecord({ kind: "remove" }));
    expect(ledger.serving).to.equal(undefined);
    expect(ledger.lastServing).to.deep.equal(committed);
  });

  it("has the release serving again that was deployed after a removal", async () => {
    const again = served(NEW_COMMIT);
    const ledger = await ledgerOf(served(OLD_COMMIT), ledgerRecord({ kind: "remove" }), again);
    expect(ledger.serving).to.deep.equal(again);
  });

  for (const outcome of ["reverted", "stopped", "needs-operator"] as const)
    it(`remembers a commit whose switch ended as "${outcome}", and why`, async () => {
      const record = reverted(NEW_COMMIT, { outcome, configurationDigest: "digest" });
      const ledger = await ledgerOf(served(OLD_COMMIT), record);
      expect(ledger.reverted).to.deep.equal([
        {
          sequence: record.sequence,
          commit: NEW_COMMIT,
          configurationDigest: "digest",
          at: record.closedAt,
          cause: "it panics",
        },
      ]);
    });

  it("knows of a commit that was taken back whether it served well before, and with which backup", async () => {
    const databaseBackup = "000001-20260301T201500Z";
    const ledger = await ledgerOf(
      served(OLD_COMMIT),
      reverted(OLD_COMMIT, { databaseBackup }),
      reverted(NEW_COMMIT),
    );
    const [old, newer] = ledger.reverted;
    expect(old).to.include({ commit: OLD_COMMIT, served: true, databaseBackup });
    expect(newer).to.not.have.any.keys("served", "databaseBackup");
  });

  it("names the newest of several reverts of a commit", async () => {
    const second = reverted(NEW_COMMIT, { cause: "it panics again" });
    const ledger = await ledgerOf(reverted(NEW_COMMIT), reverted(OLD_COMMIT), second);
    expect(ledger.reverted.map(({ commit }) => commit)).to.have.members([OLD_COMMIT, NEW_COMMIT]);
    expect(ledger.reverted.find(({ commit }) => commit === NEW_COMMIT)).to.include({
      sequence: second.sequence,
      cause: "it panics again",
    });
  });

  it("forgets a revert once the commit served", async () => {
    const ledger = await ledgerOf(reverted(NEW_COMMIT), served(NEW_COMMIT));
    expect(ledger.reverted).to.deep.equal([]);
  });

  it("keeps a revert when a later try did not touch the server, or only prepared it", async () => {
    const first = reverted(NEW_COMMIT);
    const ledger = await ledgerOf(
      first,
      served(NEW_COMMIT, { outcome: "untouched" }),
      served(NEW_COMMIT, { kind: "prepare" }),
    );
    expect(ledger.reverted.map(({ sequence }) => sequence)).to.deep.equal([first.sequence]);
  });

  it("doesn't hold an update against a commit that it never started", async () => {
    const ledger = await ledgerOf(served(NEW_COMMIT, { outcome: "untouched" }));
    expect(ledger.reverted).to.deep.equal([]);
  });

  it("takes one record for each job, however often it is closed", async () => {
    const record = served(OLD_COMMIT);
    const { ledger: path } = instancePaths(temporary());
    await (await ledgerOf()).append(record);
    await (await Ledger.read(instancePaths(temporary()))).append({ ...record, cause: "again" });
    expect(await readRecords(path)).to.deep.equal([record]);
  });
});
