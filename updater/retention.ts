/** What an instance can go back to, and what of it a number of each kind leaves: the rules, without the deed. */
import type { Ledger } from "./ledger.ts";
import type { BackupKind, BackupSummary, NamedCommit, Reach } from "./protocol.ts";

/** How much of each kind stays: the settings `keep.releases`, `backup.keepLast` and `keep.revertPoints`. */
export interface Keep {
  releases: number;
  backups: number;
  revertPoints: number;
}

/** What an update will add to what there is. */
export interface Arrival {
  commit: string;
  /** Whether its backup will be restored to prove it: only proven ones count. */
  isBackupProven: boolean;
  /** Whether the database will be copied before its migrations. */
  hasRevertPoint: boolean;
}

/** The releases that served, each once, the newest first. */
export function servedReleases(ledger: Pick<Ledger, "records">): NamedCommit[] {
  const served = new Map<string, NamedCommit>();
  for (const { kind, outcome, release } of [...ledger.records].reverse())
    if (kind === "switch" && outcome === "done" && release !== undefined)
      if (!served.has(release.commit))
        served.set(release.commit, { name: release.name, commit: release.commit });
  return [...served.values()];
}

/**
 * The backups of a kind that retention gives up: those that are older than the newest `keep` proven ones of
 * it. The last proven one always stays, and so do all as long as none is proven. One that a person took is
 * that person's: no rule gives it up.
 *
 * @param all the oldest first
 */
export function outdatedBackups<T extends BackupSummary>(
  all: readonly T[],
  keep: number,
  kind: Exclude<BackupKind, "manual"> = "update",
): T[] {
  const backups = all.filter((backup) => (backup.kind ?? "update") === kind);
  const proven = backups.filter(({ provenAt }) => provenAt !== undefined);
  const oldestKept = proven.slice(-Math.max(1, keep)).at(0);
  if (oldestKept === undefined) return [];
  return backups.filter(({ sequence }) => sequence < oldestKept.sequence);
}

/** Whether a backup is the only one that is known to restore; no hand and no rule removes that. */
export function isLastProven(
  backups: readonly Pick<BackupSummary, "name" | "provenAt">[],
  name: string,
): boolean {
  const [first, second] = backups.filter(({ provenAt }) => provenAt !== undefined);
  return first?.name === name && second === undefined;
}

/** After this a dump is restored again even where no migration is to come: servers change, too. */
const PROOF_VALID_FOR = 7 * 24 * 3_600_000;

/**
 * Whether a backup has to be restored to prove it, although nothing will change the database.
 *
 * @param backups the oldest first
 */
export function isProofDue(backups: readonly Pick<BackupSummary, "provenAt">[]): boolean {
  const last = backups.findLast(({ provenAt }) => provenAt !== undefined)?.provenAt;
  const age = last === undefined ? Infinity : Date.now() - Date.parse(last);
  // A clock that was set back makes an age that can't be.
  return !(age >= 0 && age < PROOF_VALID_FOR);
}

/** A database beside the live one, by the job in its name. */
export interface NumberedCopy {
  name: string;
  sequence: number;
}

/** The databases of a kind beside the live one (`before`, `failed`, ...), the newest first. */
export function numberedCopies(
  names: readonly string[],
  live: string,
  kind: string,
): NumberedCopy[] {
  const beginning = `${live}_${kind}_`;
  return names
    .filter((name) => name.startsWith(beginning))
    .map((name) => ({ name, sequence: Number(name.slice(beginning.length)) }))
    .filter(({ sequence }) => Number.isSafeInteger(sequence))
    .sort((a, b) => b.sequence - a.sequence);
}

/**
 * The revert points that can be gone back to, the newest first. That of a job which was not committed is
 * of no use: either it is live again, or nothing had changed, or it was never finished.
 */
export function usefulRevertPoints(
  names: readonly string[],
  live: string,
  { records }: Pick<Ledger, "records">,
): NumberedCopy[] {
  const committed = new Set(
    records
      .filter(({ kind, outcome }) => kind === "switch" && outcome === "done")
      .map(({ sequence }) => sequence),
  );
  return numberedCopies(names, live, "before").filter(({ sequence }) => committed.has(sequence));
}

/** What will be out of reach once an update is committed and its retention has run. */
export function leaving(reach: Reach, arrival: Arrival, keep: Keep): Reach {
  const isOther = ({ commit }: NamedCommit): boolean => commit !== arrival.commit;
  // The one that arrives is the newest of its kind, and takes a place of its own.
  const newest: BackupSummary = { name: "", sequence: Infinity, provenAt: "by then" };
  const backups = arrival.isBackupProven ? [...reach.backups, newest] : reach.backups;
  return {
    releases: reach.releases.filter(isOther).slice(keep.releases - 1),
    backups: outdatedBackups(backups, keep.backups),
    revertPoints: reach.revertPoints.slice(
      Math.max(0, keep.revertPoints - (arrival.hasRevertPoint ? 1 : 0)),
    ),
  };
}
