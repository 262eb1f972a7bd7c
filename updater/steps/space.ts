import { stat, statfs } from "node:fs/promises";
import { SpaceError } from "../freeable.ts";

/** Below this a build or a rendered release may fail half-way; the real image has about 150 MB. */
const MINIMUM_FREE_BYTES = 1024 ** 3;

/**
 * Refuses to begin what would fill the disk under the running server.
 *
 * @param needed bytes that will be written, besides what has to be free anyway
 */
export async function requireSpace(folder: string, needed = 0): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const [free, wanted] = [bavail * bsize, MINIMUM_FREE_BYTES + needed].map((bytes) =>
    Math.floor(bytes / 1024 ** 2),
  ) as [number, number];
  if (free < wanted)
    throw new SpaceError(
      `too little disk space: ${free} MB free on ${folder}, ${wanted} MB needed` +
        (needed === 0 ? "" : ", with the backup and its proof"),
    );
}

/** Whether two folders lie on the same file system. */
export async function sameDisk(one: string, other: string): Promise<boolean> {
  return (await stat(one)).dev === (await stat(other)).dev;
}
