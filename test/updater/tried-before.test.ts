import { expect } from "chai";
import type { LedgerRecord, RevertedSwitch } from "../../updater/protocol.ts";
import { type Asked, triedBefore } from "../../updater/tried-before.ts";
import { ledgerRecord, NEW_COMMIT, OLD_COMMIT, release, servingRecord } from "./samples.ts";

const BACKUP = "000002-20260301T201500Z";
const OTHER = "000003-20260301T201500Z";

describe("triedBefore", () => {
  const serving = (commit: string, configurationDigest = "good"): LedgerRecord =>
    ledgerRecord({
      sequence: 10,
      release: release(commit),
      serving: { ...servingRecord(commit), configurationDigest },
    });
  const failed = (changes: Partial<RevertedSwitch> = {}): RevertedSwitch => ({
    ...{ sequence: 12, commit: NEW_COMMIT, configurationDigest: "bad" },
    ...{ at: "2026-03-02T12:00:00Z", cause: "it crashed" },
    ...changes,
  });

  const cases: {
    what: string;
    tried: RevertedSwitch;
    serves: LedgerRecord | undefined;
    asked?: Partial<Asked>;
    isRefused: boolean;
  }[] = [
    {
      ...{ what: "a release that never served, with whatever settings" },
      ...{ tried: failed(), serves: serving(OLD_COMMIT), isRefused: true },
    },
    {
      ...{ what: "the same after a removal" },
      ...{ tried: failed(), serves: undefined, isRefused: true },
    },
    {
      ...{ what: "settings of what serves that failed" },
      ...{ tried: failed({ served: true }), serves: serving(NEW_COMMIT) },
      ...{ asked: { configurationDigest: "bad" }, isRefused: true },
    },
    {
      ...{ what: "other settings of what serves" },
      ...{ tried: failed({ served: true }), serves: serving(NEW_COMMIT) },
      ...{ asked: { configurationDigest: "third" }, isRefused: false },
    },
    {
      ...{ what: "a release that served well, with the settings that failed since" },
      ...{ tried: failed({ served: true }), serves: serving(OLD_COMMIT) },
      ...{ asked: { configurationDigest: "bad" }, isRefused: true },
    },
    {
      ...{ what: "a release that served well, with others than those that failed since" },
      ...{ tried: failed({ served: true }), serves: serving(OLD_COMMIT), isRefused: false },
    },
    {
      ...{ what: "what serves as it is, to mend it" },
      ...{ tried: failed({ configurationDigest: "good", served: true }) },
      ...{ serves: serving(NEW_COMMIT), isRefused: false },
    },
    {
      ...{ what: "a backup that failed on what serves" },
      tried: failed({ configurationDigest: "good", served: true, databaseBackup: BACKUP }),
      ...{ serves: serving(NEW_COMMIT), asked: { databaseBackup: BACKUP }, isRefused: true },
    },
    {
      ...{ what: "another backup on what serves" },
      tried: failed({ configurationDigest: "good", served: true, databaseBackup: BACKUP }),
      ...{ serves: serving(NEW_COMMIT), asked: { databaseBackup: OTHER }, isRefused: false },
    },
    {
      ...{ what: "a backup, where only settings failed" },
      ...{ tried: failed({ served: true }), serves: serving(NEW_COMMIT) },
      ...{ asked: { databaseBackup: BACKUP }, isRefused: false },
    },
  ];
  for (const { what, tried, serves, asked = {}, isRefused } of cases)
    it(`${isRefused ? "finds" : "lets pass"} ${what}`, () => {
      const wanted = { commit: NEW_COMMIT, configurationDigest: "good", ...asked };
      const found = triedBefore([failed({ commit: OLD_COMMIT }), tried], serves, wanted);
      expect(found).to.equal(isRefused ? tried : undefined);
      expect(triedBefore([tried], serves, { ...wanted, retry: 12 })).to.equal(undefined);
      expect(triedBefore([tried], serves, { ...wanted, retry: 11 })).to.equal(found);
    });
});
