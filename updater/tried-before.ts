/** Whether a request asks once more for what was tried and failed: only at the operator's word. */
import type { LedgerRecord, RevertedSwitch } from "./protocol.ts";

/** What a request comes to. */
export interface Asked {
  commit: string;
  configurationDigest: string;
  /** The backup that is to become the database. */
  databaseBackup?: string | undefined;
  /** The job that may be tried again. */
  retry?: number | undefined;
}

/**
 * @param reverted as the ledger has them, one for each commit
 * @param serving what serves
 * @returns the job that failed with the same
 */
export function triedBefore(
  reverted: readonly RevertedSwitch[],
  serving: LedgerRecord | undefined,
  { commit, configurationDigest, databaseBackup, retry }: Asked,
): RevertedSwitch | undefined {
  const tried = reverted.find((entry) => entry.commit === commit);
  if (tried === undefined || tried.sequence === retry) return undefined;
  const isSameConfiguration = tried.configurationDigest === configurationDigest;
  const serves = serving?.release?.commit === commit;
  // What serves with these settings may be mended at any time. That a backup's data failed with them is another matter.
  if (serves && serving.serving?.configurationDigest === configurationDigest)
    return isSameConfiguration &&
      databaseBackup !== undefined &&
      tried.databaseBackup === databaseBackup
      ? tried
      : undefined;
  // Of a release that served well, the settings failed and not the release.
  return isSameConfiguration || !(serves || tried.served === true) ? tried : undefined;
}
