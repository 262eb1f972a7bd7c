/** J1 of a switch: everything that was seen in the preview is checked again; it may have changed since. */
import { compareMigrations } from "../../release/compare.ts";
import { join } from "node:path";
import { messageOf } from "../../common/errors.ts";
import type { ImageChange, RenderedRelease } from "../drivers/driver.ts";
import { readBackup } from "../backups.ts";
import { nameExists } from "../files.ts";
import { checkHooks } from "../hooks/hooks.ts";
import { OVERRIDE_FILE } from "../paths.ts";
import type { Job } from "../job.ts";
import type { HookName, KeptDatabase } from "../protocol.ts";
import { permitFor } from "../runner/permits.ts";
import { otherDatabaseText, sameDatabase } from "../same-database.ts";
import { needsBackup, spaceForBackup } from "./backup.ts";
import { chooseReplacement } from "./choose-database.ts";
import { databaseChange, fetchImages, hasOtherImage } from "./other-images.ts";
import { refuseOthersCopies } from "./own-copies.ts";
import { describeTaken, takenPorts } from "./ports.ts";
import { refuseHostReach } from "./refuse-host-reach.ts";
import { spaceForUploads } from "./restore-uploads.ts";
import { renderedRecord, renderedTarget } from "./renderings.ts";
import { type Facts, type JobContext, switchTarget, wantedRelease } from "./step.ts";
import { replacementName } from "../texts.ts";
import { requireUpdateSpace } from "./update-space.ts";
import { placeDatabase, type UpgradeOrder, upgradeOf } from "./upgrade.ts";

/** What J1 leaves for later steps. */
interface CheckFacts extends Facts {
  /** Migrations that the new server will apply to a database that is there already. */
  pending: number[];
  /** What takes the live database's place. */
  replacement?: KeptDatabase;
  /** The hooks that are there. */
  hooks?: HookName[];
  /** Services that get another image. */
  images?: ImageChange[];
  /** The way to another major version of the database. */
  upgrade?: UpgradeOrder;
  /** The server before, with how often Docker had restarted it, where it had. */
  server?: { id: string; restartCount: number };
}

/** The server that ran before the job, with how often Docker had restarted it, where it had. */
export function serverBefore(job: Job): CheckFacts["server"] {
  return (job.factsOf("J1") as CheckFacts | undefined)?.server;
}

/** The migrations that a switch will apply to the instance's database; none for its first one. */
export function pendingMigrations(job: Job): number[] {
  return (job.factsOf("J1") as CheckFacts | undefined)?.pending ?? [];
}

/** The database of an earlier moment that the release is given; undefined: it gets the live one. */
export function replacementOf(job: Job): KeptDatabase | undefined {
  return (job.factsOf("J1") as CheckFacts | undefined)?.replacement;
}

/** Whether the new server may find or make another database than the old one had. */
export function changesDatabase(job: Job): boolean {
  return (
    pendingMigrations(job).length > 0 ||
    replacementOf(job) !== undefined ||
    upgradeOf(job) !== undefined
  );
}

export async function checkUpdate(context: JobContext): Promise<CheckFacts> {
  const { driver, paths } = context;
  const hooks = await checkHooks(context);
  const release = wantedRelease(context);
  const target = switchTarget(context);
  const rendered = renderedTarget(context);
  const tree = join(paths.trees, release.commit);
  await refuseHostReach(paths, rendered, tree, target.postgres?.volume);
  await makeVolumes(context);
  const image = await driver.image(target.image);
  if (image?.commit !== release.commit)
    throw new Error(
      image === undefined
        ? `the image ${target.image} is not on the server`
        : `the image ${target.image} is labelled ${image.commit ?? "with no commit"}, not ${release.commit}`,
    );
  const ports = await portsOf(context, rendered);
  // Before the download: what is not there yet is another image for certain.
  const hasOther = hasOtherImage(databaseChange(await driver.imageChanges(rendered)));
  const facts = await checkDatabase(context, hasOther);
  await checkDoor(context, rendered, facts);
  await checkSpace(context, facts, hasOther);
  const [taken] = await takenPorts(driver, [target.listen, ...ports]);
  if (taken !== undefined) throw new Error(describeTaken(taken));
  const images = await fetchImages(context, rendered);
  const upgrade = await placeDatabase(context, rendered);
  await driver.proveImage(target.image);
  await driver.ownSecrets(rendered, target.image);
  const server = await driver.server();
  return {
    ...facts,
    ...(hooks.length === 0 ? {} : { hooks }),
    ...(images.length === 0 ? {} : { images }),
    ...(upgrade === undefined ? {} : { upgrade }),
    ...(server === undefined || server.restartCount === 0
      ? {}
      : { server: { id: server.id, restartCount: server.restartCount } }),
  };
}

/**
 * Through the runner nobody but this makes the volumes: Pulumi's docker provider would need the SSH user to use
 * Docker. Only where nothing ever served: one that is gone later is not to be replaced by an empty one.
 */
async function makeVolumes(context: JobContext): Promise<void> {
  const { driver, ledger, paths } = context;
  if (ledger.lastServing !== undefined || (await permitFor(paths.directory)) === undefined) return;
  const { databaseVolume, filesVolume } = switchTarget(context);
  for (const volume of [databaseVolume, filesVolume]) await driver.makeVolume(volume);
}

/** Also the first question to Compose: what it can't read stops the update here. */
async function portsOf({ driver }: JobContext, rendered: RenderedRelease) {
  const hasOverride = await nameExists(join(rendered.directory, OVERRIDE_FILE));
  try {
    return await driver.publishedPorts(rendered);
  } catch (error) {
    throw new Error(
      `${messageOf(error)}${hasOverride ? "\nYour override file is part of it: mend it or move it away" : ""}`,
      { cause: error },
    );
  }
}

/** After the stop it would be too late to find out that nobody can be kept out. */
async function checkDoor(
  context: JobContext,
  rendered: RenderedRelease,
  { pending, replacement }: CheckFacts,
): Promise<void> {
  const { isUpgrade = false } = switchTarget(context);
  if (pending.length === 0 && replacement === undefined && !isUpgrade) return;
  const problem = await context.driver.doorProblem(rendered);
  if (problem !== undefined) throw new Error(problem);
}

async function checkSpace(
  context: JobContext,
  { pending, replacement }: CheckFacts,
  hasOther: boolean,
): Promise<void> {
  const { databaseVolume, filesVolume, isUpgrade = false } = switchTarget(context);
  const changes = pending.length + (replacement === undefined ? 0 : 1) + (isUpgrade ? 1 : 0);
  const backup = await spaceForBackup(context, changes, hasOther);
  const restored = await spaceForRestore(context, replacement);
  const volumes = { databaseVolume, filesVolume };
  await requireUpdateSpace(context, { ...volumes, isUpgrade, backup, restored });
}

/** What a backup takes of the disks that becomes the database, in bytes. */
async function spaceForRestore(
  context: JobContext,
  replacement: KeptDatabase | undefined,
): Promise<{ database: number; uploads: number }> {
  if (replacement?.way !== "backup") return { database: 0, uploads: 0 };
  const backup = await readBackup(context.paths, replacement.name);
  return {
    database: backup?.manifest.databaseSize ?? 0,
    uploads: await spaceForUploads(context, replacement),
  };
}

/** Never onto an emptied or another database, never to a release that can't start on this one. */
async function checkDatabase(context: JobContext, hasOther: boolean): Promise<CheckFacts> {
  const { driver, ledger, progress } = context;
  const release = wantedRelease(context);
  const target = switchTarget(context);
  const last = ledger.lastServing;
  const known = last?.serving;
  let database = await driver.database();
  if (known !== undefined && database === undefined) {
    const empty = await driver.databaseVolumeIsEmpty(target.databaseVolume);
    if (empty !== false)
      throw new Error(
        `the volume ${target.databaseVolume} is ${empty === undefined ? "gone" : "empty"}, but this instance has a database; a start would show an empty chat`,
      );
    if (!(await driver.databaseRuns())) {
      // Nothing is known of its migrations, and nothing can be backed up, while it is stopped.
      progress.tell("J1", "the database is stopped; starting it");
      await driver.startDatabase(renderedRecord(context, known));
      database = await driver.database();
    }
  }
  if (database === undefined) {
    // The stop would come before anybody saw whether the release fits this database.
    if (known !== undefined || (await driver.databaseRuns()))
      throw new Error(
        "the database runs but does not answer, so nothing is known of its migrations",
      );
    const replacement = await chooseReplacement(context, []);
    if (replacement === undefined) return { pending: [] };
    progress.tell("J1", `the database will be ${replacementName(replacement)}`);
    return { pending: [], replacement };
  }
  if (known !== undefined && !sameDatabase(known.database, database.identity))
    throw new Error(otherDatabaseText(database.identity, known.database));
  await refuseOthersCopies(context);
  const replacement = await chooseReplacement(context, database.applied);
  const { pending, missing, edited } = compareMigrations(
    replacement?.applied ?? database.applied,
    release.migrations,
  );
  const problems = [
    ...missing.map(
      ({ version, description }) => `${version} ${description} is applied and unknown to it`,
    ),
    ...edited.map(
      ({ release: { version, description } }) =>
        `${version} ${description} was edited after it was applied`,
    ),
  ];
  if (problems.length > 0)
    throw new Error(`${release.name} can't start on this database: ${problems.join("; ")}`);
  const changes = pending.length + (replacement === undefined ? 0 : 1);
  if (database.obstacle !== undefined && needsBackup(context, changes, hasOther))
    throw new Error(`the database can't be backed up: ${database.obstacle}`);
  if (pending.length > 0)
    progress.tell(
      "J1",
      `migrations to come: ${pending.map(({ version, description }) => `${version} ${description}`).join(", ")}`,
    );
  if (replacement !== undefined)
    progress.tell("J1", `the database will be ${replacementName(replacement)}`);
  return {
    pending: known === undefined ? [] : pending.map(({ version }) => version),
    ...(replacement === undefined ? {} : { replacement }),
  };
}
