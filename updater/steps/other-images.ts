/**
 * Other images for the services beside the server, by a digest of the operator's or by a release: what J1 finds
 * out of them, and what later steps do about it.
 */
import { DATABASE_SERVICE } from "../../release/compose-file.ts";
import type { ImageChange, RenderedRelease, SideImage } from "../drivers/driver.ts";
import type { Job } from "../job.ts";
import { shortDigest } from "../texts.ts";
import { type JobContext, switchTarget } from "./step.ts";

/** The services whose containers are made anew for another image; none before J1 was done. */
export function imageChangesOf(job: Job): ImageChange[] {
  return (job.factsOf("J1") as { images?: ImageChange[] } | undefined)?.images ?? [];
}

/** The change of the database's image, where that is among them. */
export function databaseChange(changes: readonly ImageChange[]): ImageChange | undefined {
  return changes.find(({ service }) => service === DATABASE_SERVICE);
}

/** Whether the database will run from another image: the same one under another name reads the same data. */
export function hasOtherImage(change: ImageChange | undefined): boolean {
  return change !== undefined && change.from.id !== change.to.id;
}

/** Whether the database's container is made anew: its server must not run meanwhile. */
export function restartsDatabase(job: Job): boolean {
  return databaseChange(imageChangesOf(job)) !== undefined;
}

/**
 * Gets what the services run from, and refuses a PostgreSQL that can't read the data of the one that runs.
 *
 * @returns the changes, with everything on the server
 */
export async function fetchImages(
  context: JobContext,
  rendered: RenderedRelease,
): Promise<ImageChange[]> {
  const { driver, progress } = context;
  await driver.fetchOthers(rendered, (line) => progress.detail("J1", line));
  const changes = await driver.imageChanges(rendered);
  const database = databaseChange(changes);
  if (database !== undefined && switchTarget(context).isUpgrade !== true)
    refuseOtherMajor(database);
  for (const { service, from, to } of changes)
    progress.tell("J1", `${service} gets ${describe(to)}; it runs ${describe(from)}`);
  return changes;
}

/** Where the running one doesn't say its version, the release's own word counts (compose-compare.ts). */
function refuseOtherMajor({ from, to }: ImageChange): void {
  if (from.postgresMajor === undefined || from.postgresMajor === to.postgresMajor) return;
  const version =
    to.postgresMajor === undefined
      ? "does not tell the version of its PostgreSQL (PG_MAJOR)"
      : `has PostgreSQL ${to.postgresMajor}`;
  throw new Error(
    `the image ${to.reference} ${version}, and the database's data are of PostgreSQL ` +
      `${from.postgresMajor}: it would not read them. Choose an image of the same major version, or take the ` +
      `digest away: pulumi config rm --path sideImages.${DATABASE_SERVICE}. To a newer version: ` +
      `npx chatalot upgrade-database`,
  );
}

function describe({ reference, id = "" }: SideImage): string {
  return `${reference.replace(/@.*$/, "")} (image ${shortDigest(id)})`;
}
