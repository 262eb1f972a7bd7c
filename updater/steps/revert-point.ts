/**
 * J7 and R2: where migrations are to come, a copy of the database of the moment in which the old server
 * had stopped; and the way back to it by names alone, in one transaction.
 */
import { messageOf } from "../../common/errors.ts";
import type { Job } from "../job.ts";
import type { AppliedMigration, DatabaseIdentity } from "../protocol.ts";
import { setAsideUploads } from "../uploads.ts";
import { failedName, revertPointName } from "../kept-databases.ts";
import { pendingMigrations, replacementOf } from "./check-update.ts";
import { giveTagsBack, restartsDatabase } from "./other-images.ts";
import { putBackReplaced, replaceDatabase } from "./replace-database.ts";
import { renderedRecord, renderedTarget } from "./renderings.ts";
import { answeringDatabase, type Facts, type JobContext, switchTarget } from "./step.ts";
import { moveDatabase, takeMovedAway, upgradeOf } from "./upgrade.ts";

/** What J7 leaves for R2. */
interface RevertPoint extends Facts {
  /** The copy's name. */
  name: string;
  /** The database as it was then. */
  applied: AppliedMigration[];
  schema: string;
}

/** What R2 found and did. */
export interface DatabaseRevert extends Facts {
  swapped: boolean;
  /** The live database after the swap. */
  database?: DatabaseIdentity;
  /** The name under which the failed one stays. */
  failedDatabase?: string;
}

/** The database that the instance has after a revert; undefined where it is the same as before. */
export function databaseAfterRevert(job: Job): DatabaseIdentity | undefined {
  return (job.factsOf("R2") as DatabaseRevert | undefined)?.database;
}

export async function takeRevertPoint(context: JobContext): Promise<RevertPoint | Facts> {
  const { driver, job, progress } = context;
  const upgrade = upgradeOf(job);
  if (upgrade !== undefined) return moveDatabase(context, upgrade);
  if (replacementOf(job) !== undefined) return replaceDatabase(context);
  if (pendingMigrations(job).length === 0) return {};
  const tools = driver.databaseTools;
  const found = await answeringDatabase(driver);
  const name = revertPointName(await tools.liveName(), job.sequence);
  const schema = await tools.schemaDigest();
  await tools.copyTo(name);
  progress.tell("J7", `the database was copied to ${name}`);
  return { name, applied: found.applied, schema };
}

/**
 * Only where the failed release changed the database: by the set of applied migrations, and by the
 * definitions where a migration without a transaction left no row. Else it is not touched at all.
 */
export async function restoreDatabase(context: JobContext): Promise<DatabaseRevert> {
  const { driver, job, paths, progress } = context;
  if (!job.isDone("J7")) await endCopying(context);
  await giveTagsBack(context, "R2");
  await putImageBack(context);
  const upgrade = upgradeOf(job);
  if (upgrade !== undefined) {
    await ensureDatabaseAnswers(context);
    return takeMovedAway(context, upgrade);
  }
  if (replacementOf(job) !== undefined) {
    await ensureDatabaseAnswers(context);
    return putBackReplaced(context);
  }
  const point = job.factsOf("J7") as RevertPoint | undefined;
  // Without one, J7 was not done: no new server was started, and the database is as it was.
  if (point?.name === undefined) return { swapped: false };
  await ensureDatabaseAnswers(context);
  const tools = driver.databaseTools;
  const live = await tools.liveName();
  const aside = failedName(live, job.sequence);
  const names = await tools.names();
  if (!names.includes(aside)) {
    const what = await changeSince(context, point);
    if (what === undefined) return { swapped: false };
    progress.tell("R2", `the failed release ${what}; its database stays as ${aside}`);
    const stoppedAt = job.factsOf("J6")?.stoppedAt;
    const uploads = await setAsideUploads(
      { paths, driver, volume: switchTarget(context).filesVolume, sequence: job.sequence },
      { since: typeof stoppedAt === "number" ? stoppedAt : (job.begunAt("J6") ?? 0) },
    );
    if (uploads !== undefined) progress.tell("R2", uploads);
  }
  await tools.putBack(point.name, aside);
  const found = await answeringDatabase(driver);
  return { swapped: true, database: found.identity, failedDatabase: aside };
}

/** Where it can't be ended, it ends by itself: the old server waits for it. */
async function endCopying({ driver, progress }: JobContext): Promise<void> {
  try {
    if (await driver.databaseRuns()) await driver.databaseTools.endCopying();
  } catch (error) {
    progress.tell("R2", `the database may still be copied: ${messageOf(error)}`);
  }
}

/**
 * A disk that was full, or a crash, may have ended the database as well. And one that came while it was closed
 * for an exchange of names has left it closed: it runs then, and lets nobody in.
 */
async function ensureDatabaseAnswers(context: JobContext): Promise<void> {
  const { driver, job } = context;
  if ((await driver.database()) !== undefined) return;
  const serving = job.plan.previous?.serving;
  if (serving === undefined) await driver.startDatabase(renderedTarget(context));
  // J8 may have made the container anew by the failed release's file, which it can't run by.
  else
    await driver.startDatabase(renderedRecord(context, serving), {
      isMadeAnew: job.hasBegun("J8"),
    });
  await driver.databaseTools.openLive();
}

/** First of all: an image that can't run the database can't give it back either. The old one was kept. */
async function putImageBack(context: JobContext): Promise<void> {
  const { driver, job, progress } = context;
  const serving = job.plan.previous?.serving;
  if (!restartsDatabase(job) || serving === undefined) return;
  progress.tell("R2", "the database gets the image back from which it ran");
  await driver.startDatabase(renderedRecord(context, serving), { isMadeAnew: true });
}

async function changeSince(
  { driver }: JobContext,
  point: RevertPoint,
): Promise<string | undefined> {
  const found = await answeringDatabase(driver);
  const before = new Set(point.applied.map(({ version }) => version));
  const added = found.applied.filter(({ version }) => !before.has(version));
  if (added.length > 0)
    return `had applied ${added.map(({ version, description }) => `${version} ${description}`).join(", ")}`;
  if (found.applied.length !== point.applied.length) return "had changed the list of migrations";
  const isSame = (await driver.databaseTools.schemaDigest()) === point.schema;
  return isSame ? undefined : "had changed the tables without a record of it";
}
