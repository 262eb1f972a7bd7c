/**
 * Other images for the services beside the server, by a digest of the operator's or by a release: what J1 finds
 * out of them, and what later steps do about it.
 */
import { messageOf } from "../../common/errors.ts";
import { DATABASE_SERVICE } from "../../release/compose-file.ts";
import type { ImageChange, RenderedRelease, SideImage } from "../drivers/driver.ts";
import type { Job } from "../job.ts";
import type { Outcome } from "../protocol.ts";
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
  for (const { service, from } of changes)
    if (from.id !== undefined)
      await driver.holdImage(from.id).catch((error: unknown) => {
        progress.tell("J1", `the image that ${service} runs can't be kept: ${messageOf(error)}`);
      });
  return changes;
}

/**
 * R2 and R3, before anything is started: a tag may have moved on the server, by somebody's pull or for another
 * stack, and the old rendering knows its images by their tags alone. What can't be named is no reason to leave the
 * chat down: what is started then has to prove itself.
 */
export async function giveTagsBack(
  { driver, job, progress }: JobContext,
  step: "R2" | "R3",
): Promise<void> {
  for (const { service, from } of imageChangesOf(job)) {
    const { id, reference } = from;
    if (id === undefined || reference.includes("@")) continue;
    try {
      if (await driver.nameImage(id, reference))
        progress.tell(step, `${reference} names the image again that it named before`);
    } catch (error) {
      progress.tell(
        step,
        `${reference} may name another image than ${service} ran: ${messageOf(error)}`,
      );
    }
  }
}

/**
 * At the end of a job that is not taken back once more. A committed one lets go also of what a job held that needed
 * a person.
 */
export async function letGoOfImages(
  { driver, job, progress }: JobContext,
  outcome: Outcome,
): Promise<void> {
  if (outcome === "needs-operator") return;
  if (outcome !== "done" && imageChangesOf(job).length === 0) return;
  await driver.letGoOfImages().catch((error: unknown) => {
    const step = outcome === "done" ? "J11" : "R5";
    progress.tell(step, `images of before keep a name of this tool: ${messageOf(error)}`);
  });
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
