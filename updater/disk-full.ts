/** What is told with a failure for want of room. */
import { freeableText, isDiskFull, isRefusedForRoom } from "./freeable.ts";
import { roomOf } from "./steps/space.ts";
import type { JobContext } from "./steps/step.ts";

/**
 * Adds to the cause of a failure the numbers and what the operator can free, where a disk is too full or got full.
 * Docker may take a minute to say it on a full disk: not to be waited for while the chat is stopped.
 */
export async function withRoom(context: JobContext, cause: string): Promise<string> {
  const isRefused = isRefusedForRoom(cause);
  if (!isRefused && !isDiskFull(cause)) return cause;
  const room = isRefused ? "" : await roomOfJob(context).catch(() => "");
  return `${cause}${room}${await freeableText(context.driver, context.paths).catch(() => "")}`;
}

/** When a step has failed its own files are removed already: what is free now may be enough. */
async function roomOfJob({ driver, paths, job }: JobContext): Promise<string> {
  const volume = job.plan.target?.databaseVolume;
  const images = await driver.imageFolder().catch(() => undefined);
  const data =
    volume === undefined ? undefined : await driver.volumeFolder(volume).catch(() => undefined);
  const folders = [paths.directory, paths.backups, images, data];
  const rooms = await roomOf(folders.filter((folder) => folder !== undefined));
  return `\nA disk was full or out of inodes. Free now: ${rooms.join("; ")}`;
}
