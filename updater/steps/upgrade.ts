/**
 * The way of the database to a newer major version of PostgreSQL: into a new volume, while the old one stays as it
 * is. So the way back is a start of what was there, and nobody could write to the new one before the commit.
 */
import { counted } from "../../common/text.ts";
import { withTransientDump } from "../backups.ts";
import type { DatabasePlace, RenderedRelease } from "../drivers/driver.ts";
import type { Job } from "../job.ts";
import type { DatabaseIdentity, DatabaseUpgrade } from "../protocol.ts";
import type { DatabaseRevert } from "./revert-point.ts";
import { type Facts, type JobContext, switchTarget } from "./step.ts";

/** What J1 found out of it. */
export interface UpgradeOrder extends DatabasePlace {
  /** The major version of now. */
  from: number;
  volume: string;
  /** The volume of now, which is kept. */
  left: string;
}

/** What J7 leaves of it. */
interface Upgraded extends Facts {
  upgraded: DatabaseIdentity;
}

/** Undefined: the database stays with its major version. */
export function upgradeOf(job: Job): UpgradeOrder | undefined {
  return (job.factsOf("J1") as { upgrade?: UpgradeOrder } | undefined)?.upgrade;
}

/** The identity of the database in the new volume; undefined where none was made. */
export function upgradedIdentity(job: Job): DatabaseIdentity | undefined {
  return upgradeOf(job) === undefined
    ? undefined
    : (job.factsOf("J7") as Upgraded | undefined)?.upgraded;
}

/** For the ledger and the result. */
export function upgradeBy(job: Job): DatabaseUpgrade | undefined {
  const order = upgradeOf(job);
  if (order === undefined || upgradedIdentity(job) === undefined) return undefined;
  return { from: order.from, to: order.major, left: order.left };
}

/**
 * J1, with all images on the server: the rendered file gets the database's volume where its image has the data, and
 * what an upgrade needs is there.
 *
 * @returns what an upgrade is to do; undefined where there is none
 */
export async function placeDatabase(
  context: JobContext,
  rendered: RenderedRelease,
): Promise<UpgradeOrder | undefined> {
  const { driver, progress } = context;
  const { postgres, isUpgrade = false, databaseVolume } = switchTarget(context);
  if (postgres === undefined) return undefined;
  const place = await driver.placeDatabase(rendered);
  if (place.major !== postgres.major)
    throw new Error(
      `the database would run from the image ${place.image}, which has PostgreSQL ${place.major}, and not ` +
        `${postgres.major} as ${postgres.image} says. If your override file names it, take that out`,
    );
  if (!isUpgrade) return undefined;
  const from = (await driver.database())?.postgresMajor;
  if (from === undefined) throw new Error("the database does not answer");
  const others = await driver.databaseTools.others();
  if (others.length > 0)
    throw new Error(
      `the database's server has databases that are not the chat's, and would stay in the old volume: ` +
        `${others.join(", ")}. Move them away first`,
    );
  // It would be refused after the stop as well, but then the chat would have been away for it.
  await driver.databaseTools.refuseOtherUsers();
  if ((await driver.volumeFolder(postgres.volume)) !== undefined)
    throw new Error(
      `there is a volume ${postgres.volume} already, which is not for this job to use. Try again: the next job ` +
        "takes another name",
    );
  progress.tell(
    "J1",
    `PostgreSQL ${from} -> ${place.major}: into the new volume ${postgres.volume}; ${databaseVolume} stays as it is`,
  );
  return { ...place, from, volume: postgres.volume, left: databaseVolume };
}

/** J7, with the old server stopped. The old database is only read; its own server runs until the next step. */
export async function moveDatabase(context: JobContext, order: UpgradeOrder): Promise<Upgraded> {
  const { driver, job, paths, progress } = context;
  const { imageId, target, environment, volume, major } = order;
  const moved = await withTransientDump(paths, job.sequence, (file) =>
    driver.databaseTools.moveTo(
      { imageId, target, environment, volume, job: job.sequence },
      file,
      (text) => progress.detail("J7", text),
    ),
  );
  progress.tell(
    "J7",
    `PostgreSQL ${major} has all ${counted(moved.rows, "row")}, the roles and the settings of the old one`,
  );
  return { upgraded: moved.identity };
}

/** R2, with the old image back on the old volume. */
export async function takeMovedAway(
  { driver, job, progress }: JobContext,
  { volume, from }: UpgradeOrder,
): Promise<DatabaseRevert> {
  progress.tell("R2", `PostgreSQL ${from} has its own volume, which nobody wrote to`);
  if (job.reopenings > 0) {
    // A person had it in hand meanwhile, and may have let the chat serve from the new one.
    progress.tell("R2", `the volume ${volume} is left; look into it before you remove it`);
    return { swapped: false };
  }
  // Without it the disk may be too full for the next attempt; but the old server has to come back first of all.
  await driver.databaseTools
    .removeMoved({ volume, job: job.sequence })
    .catch((error: unknown) =>
      progress.tell("R2", `the new volume ${volume} could not be removed: ${String(error)}`),
    );
  return { swapped: false };
}
