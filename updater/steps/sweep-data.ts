/** Retention of backups and of the database's copies, by number. A failure is told and changes nothing else. */
import { messageOf } from "../../common/errors.ts";
import { backupSummary, listBackups, removeBackup, removePartialBackups } from "../backups.ts";
import type { Ledger } from "../ledger.ts";
import {
  type NumberedCopy,
  numberedCopies,
  outdatedBackups,
  usefulRevertPoints,
} from "../retention.ts";
import type { JobContext } from "./step.ts";
import { switchTarget } from "./step.ts";

/** The newest database that a revert put aside is kept, for whoever wants to see what went wrong. */
const KEPT_FAILED = 1;

const DEFAULTS = { backups: 5, revertPoints: 1 };

export async function sweepData(context: JobContext): Promise<void> {
  const { driver, ledger, paths, progress } = context;
  const { keepBackups, keepRevertPoints } = switchTarget(context);
  try {
    await removePartialBackups(paths);
    const backups = (await listBackups(paths)).map(backupSummary);
    for (const { name } of outdatedBackups(backups, keepBackups ?? DEFAULTS.backups))
      await removeBackup(paths, name);
    const tools = driver.databaseTools;
    const live = await tools.liveName();
    const outdated = outdatedCopies(
      await tools.names(),
      live,
      ledger,
      keepRevertPoints ?? DEFAULTS.revertPoints,
    );
    const halfRemoved = removableCopies(await tools.invalidNames(), live);
    for (const name of [...halfRemoved, ...outdated]) await tools.dropCopy(name);
  } catch (error) {
    progress.tell(
      "J11",
      `not every old copy of the database could be removed: ${messageOf(error)}`,
    );
  }
}

/** Those among the databases that only this tool makes, and removes. */
export function removableCopies(names: readonly string[], live: string): string[] {
  return ["next", "before", "failed"]
    .flatMap((kind) => numberedCopies(names, live, kind))
    .map(({ name }) => name);
}

/**
 * Copies of the live database that retention gives up. Only names that this tool gives are looked at, and only
 * those of jobs that the ledger has and that came so far as to give them: others are of an earlier life of the
 * server, of which nothing is known here.
 *
 * Two kinds stay until a person drops them, since what is in them may be nowhere else: the revert point of a job
 * that could not go back (`needs-operator`), and the database that was live until such a job was taken back
 * later: the chat may have served on it meanwhile.
 */
export function outdatedCopies(
  names: readonly string[],
  live: string,
  ledger: Pick<Ledger, "records">,
  keepRevertPoints: number,
): string[] {
  const useful = usefulRevertPoints(names, live, ledger);
  const kept = new Set(useful.slice(0, keepRevertPoints).map(({ name }) => name));
  const record = new Map(ledger.records.map((found) => [found.sequence, found]));
  const isOnlyCopy = ({ sequence }: NumberedCopy): boolean =>
    record.get(sequence)?.outcome === "needs-operator";
  const mayHaveServed = ({ sequence }: NumberedCopy): boolean =>
    (record.get(sequence)?.reopenings ?? 0) > 0;
  const isOwn = ({ sequence }: NumberedCopy): boolean => record.get(sequence)?.kind === "switch";
  const wasMade = (copy: NumberedCopy): boolean =>
    isOwn(copy) && record.get(copy.sequence)?.outcome !== "untouched";
  return [
    // Made for a rollback that did not come to use it.
    ...numberedCopies(names, live, "next").filter(isOwn),
    ...numberedCopies(names, live, "before").filter(
      (copy) => wasMade(copy) && !kept.has(copy.name) && !isOnlyCopy(copy),
    ),
    ...numberedCopies(names, live, "failed")
      .filter(wasMade)
      .slice(KEPT_FAILED)
      .filter((copy) => !mayHaveServed(copy)),
  ].map(({ name }) => name);
}
