/** The job that backs the database up because a person asked for it, by the steps of an update. */
import type { DatabaseFacts } from "../protocol.ts";
import { otherDatabaseText, sameDatabase } from "../same-database.ts";
import { spaceForFiles } from "./backup-files.ts";
import { proveBackup, spaceForBackup, writeBackup } from "./backup.ts";
import { requireSpaceFor } from "./space.ts";
import { answeringDatabase, type JobContext, type Step } from "./step.ts";

export const BACKUP_STEPS: readonly Step[] = [
  { id: "J1", title: "check that a backup can be taken", run: checkBackup },
  { id: "J4", title: "back up the database", run: writeBackup },
  { id: "J5", title: "prove the backup", run: proveBackup },
];

async function checkBackup(context: JobContext): Promise<void> {
  const { driver, paths } = context;
  await driver.waitUntilReady();
  refuseOther(context, await answeringDatabase(driver));
  const { backup, proof } = await spaceForBackup(context, 0, false);
  const files = await spaceForFiles(context);
  const images = await driver.imageFolder();
  await requireSpaceFor([
    { folder: paths.directory, bytes: 0 },
    { folder: paths.backups, bytes: backup + files, spare: 0 },
    ...(images === undefined ? [] : [{ folder: images, bytes: proof }]),
  ]);
}

/** An emptied database would make a backup that proves well and has nothing in it. */
function refuseOther({ ledger }: JobContext, { identity, obstacle }: DatabaseFacts): void {
  const known = ledger.lastServing?.serving?.database;
  if (known !== undefined && !sameDatabase(known, identity))
    throw new Error(otherDatabaseText(identity, known));
  if (obstacle !== undefined) throw new Error(`the database can't be backed up: ${obstacle}`);
}
