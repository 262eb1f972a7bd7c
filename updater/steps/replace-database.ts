/**
 * A rollback over migrations: another database takes the live one's place. It is made beside the live one
 * while that serves (J5a), and put in its place by names alone (J7). What it was made of stays, and the
 * database that was live stays under another name.
 */
import { messageOf } from "../../common/errors.ts";
import { dumpFile, noteProof, readBackup } from "../backups.ts";
import type { Job } from "../job.ts";
import { failedName, leftName, nextName } from "../kept-databases.ts";
import type { AppliedMigration, DatabaseIdentity, KeptDatabase, Replacement } from "../protocol.ts";
import { replacementName } from "../texts.ts";
import { putBackUploads, setAsideFolder, setAsideUploads, takenBackFolder } from "../uploads.ts";
import { neededScripts } from "./choose-database.ts";
import { replacementOf } from "./check-update.ts";
import { renderedTarget } from "./renderings.ts";
import { putUploadsBack, uploadsIn } from "./restore-uploads.ts";
import type { DatabaseRevert } from "./revert-point.ts";
import { answeringDatabase, type Facts, type JobContext, switchTarget } from "./step.ts";

/** What J7 leaves: the database that is live from then on, and the name of the one before. */
interface Replaced extends Facts {
  database: DatabaseIdentity;
  left: string;
}

/** The identity of the database that took the live one's place; undefined where none did. */
export function replacedIdentity(job: Job): DatabaseIdentity | undefined {
  return replaced(job)?.database;
}

/** What took the live database's place, for the ledger and the result. */
export function replacementBy(job: Job): Replacement | undefined {
  const [chosen, facts] = [replacementOf(job), replaced(job)];
  if (chosen === undefined || facts === undefined) return undefined;
  const { way, name, at } = chosen;
  return { way, name, at, left: facts.left };
}

function replaced(job: Job): Replaced | undefined {
  if (replacementOf(job) === undefined) return undefined;
  return job.factsOf("J7") as Replaced | undefined;
}

function theReplacement(job: Job): KeptDatabase {
  const chosen = replacementOf(job);
  if (chosen === undefined) throw new Error(`job ${job.sequence} has no database to go back to`);
  return chosen;
}

/**
 * J5a. Where it can't be made, or is not what it should be, nothing was touched. Undo scripts are tried on
 * what was just backed up; they are run again at J7, on everything that was written until then.
 */
export async function makeReplacement(context: JobContext): Promise<Facts> {
  const { driver, job, progress } = context;
  const tools = driver.databaseTools;
  const chosen = theReplacement(job);
  // On a new server there is none yet. The one that is made here is empty, and is put away by its name.
  if ((await driver.database()) === undefined && !(await driver.databaseRuns()))
    await driver.startDatabase(renderedTarget(context));
  const next = nextName(await tools.liveName(), job.sequence);
  const isTried = chosen.way === "undo-scripts";
  // Half made by an attempt that was killed, or being made still.
  await tools.endCopying();
  await tools.dropCopy(next);
  try {
    if (chosen.way === "revert-point") await tools.copyTo(next, chosen.name);
    else {
      const own = job.factsOf("J4")?.name;
      await restoreBackup(context, isTried && typeof own === "string" ? own : chosen.name, next);
    }
    if (isTried) await undo(context, next);
    await compare(context, next);
    // Most of it while the chat serves. What has another content serves as it is until the chat's stop.
    await putUploadsBack(context, chosen, "J5a", { replaces: false });
  } catch (error) {
    await tools.dropCopy(next).catch(() => undefined);
    throw new Error(`${replacementName(chosen)} can't be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (isTried) await tools.dropCopy(next);
  progress.tell(
    "J5a",
    isTried
      ? "the undo scripts were tried on a copy, and what comes out is as it should be"
      : `${next} was made of ${replacementName(chosen)} and is as it should be`,
  );
  return { next };
}

async function restoreBackup(context: JobContext, name: string, next: string): Promise<void> {
  const { driver, paths, progress } = context;
  const backup = await readBackup(paths, name);
  if (backup === undefined) throw new Error(`the backup ${name} is gone`);
  await driver.databaseTools.restoreTo(next, dumpFile(paths, name), backup.manifest.dump, (text) =>
    progress.detail("J5a", text),
  );
  // One that was brought is not proven here before.
  if (backup.manifest.proof === undefined) await noteProof(paths, backup);
}

/** The newest migration first. */
async function undo(context: JobContext, name: string): Promise<void> {
  const { applied } = (await context.driver.database()) ?? { applied: [] };
  const scripts = neededScripts(context, applied);
  await context.driver.databaseTools.undo(
    name,
    scripts.map(({ sql }) => sql),
    scripts.map(({ version }) => version),
  );
}

async function compare({ driver, job }: JobContext, name: string): Promise<void> {
  const { applied } = await driver.databaseTools.contentOf(name);
  if (key(applied) !== key(theReplacement(job).applied))
    throw new Error("its list of applied migrations is not the one that it should have");
}

function key(applied: readonly AppliedMigration[]): string {
  return applied.map(({ version, checksum }) => `${version} ${checksum}`).join();
}

/** J7, with the old server stopped: nobody has written since. */
export async function replaceDatabase(context: JobContext): Promise<Replaced> {
  const { driver, job, paths, progress } = context;
  const tools = driver.databaseTools;
  const chosen = theReplacement(job);
  const live = await tools.liveName();
  const left = leftName(live, job.sequence);
  const place = { paths, driver, volume: switchTarget(context).filesVolume };
  const known = await uploadsIn(context, chosen);
  const aside = await setAsideUploads(
    { ...place, sequence: job.sequence },
    known === undefined ? { about: Date.parse(chosen.at) } : { known },
  );
  if (aside !== undefined) progress.tell("J7", aside);
  // A database that an earlier rollback left knows the uploads that were set aside then.
  if (chosen.name === leftName(live, chosen.sequence)) {
    const back = await putBackUploads(place, chosen.sequence, setAsideFolder(paths, job.sequence));
    if (back !== undefined) progress.tell("J7", back);
  }
  await putUploadsBack(context, chosen, "J7", { replaces: true });
  const next = nextName(live, job.sequence);
  if (chosen.way === "undo-scripts") {
    await tools.dropCopy(next);
    await tools.copyTo(next);
    await undo(context, next);
    await compare(context, next);
  }
  await tools.putBack(next, left);
  progress.tell("J7", `the database until now is kept as ${left}`);
  const found = await answeringDatabase(driver);
  return { database: found.identity, left };
}

/**
 * R2. By the databases' names, since a kill may have come between the swap and its record; nothing was
 * written to the one that is put away, because nobody could reach its server. The uploads come first: the job
 * may have failed between them and the swap.
 */
export async function putBackReplaced(context: JobContext): Promise<DatabaseRevert> {
  const { driver, job, progress } = context;
  await putBackOwnUploads(context);
  const tools = driver.databaseTools;
  const live = await tools.liveName();
  const [left, failed] = [leftName(live, job.sequence), failedName(live, job.sequence)];
  const names = await tools.names();
  if (!names.includes(left) && !names.includes(failed)) return { swapped: false };
  await tools.putBack(left, failed);
  progress.tell(
    "R2",
    `the database that served is back; the one of the rollback stays as ${failed}`,
  );
  const found = await answeringDatabase(driver);
  return { swapped: true, database: found.identity, failedDatabase: failed };
}

/** The chat has to serve again, also without some files. */
async function putBackOwnUploads(context: JobContext): Promise<void> {
  const { driver, job, paths, progress } = context;
  const place = { paths, driver, volume: switchTarget(context).filesVolume };
  try {
    const back = await putBackUploads(place, job.sequence, takenBackFolder(paths, job.sequence));
    if (back !== undefined) progress.tell("R2", back);
  } catch (error) {
    progress.tell(
      "R2",
      `not all uploads could be put back as they were: ${messageOf(error)}. They are in ` +
        `${setAsideFolder(paths, job.sequence)}`,
    );
  }
}
