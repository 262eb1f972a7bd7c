import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { SpaceError } from "../freeable.ts";

/** Below this a build or a rendered release may fail half-way; the real image has about 150 MB. */
const MINIMUM_FREE_BYTES = 1024 ** 3;

/** A folder that will be written to. */
export interface SpaceNeed {
  folder: string;
  /** Bytes that will be written there. */
  bytes: number;
  /**
   * Bytes that have to stay free besides.
   *
   * @default 1 GiB
   */
  spare?: number;
}

/**
 * Refuses to begin what would fill a disk under the running server. Folders of one file system are
 * counted together; one that will only be made is counted by the folder that it will be made in.
 */
export async function requireSpaceFor(needs: readonly SpaceNeed[]): Promise<void> {
  const disks = new Map<number, Required<SpaceNeed>>();
  for (const need of needs) {
    const folder = await nearestFolder(need.folder);
    const { dev } = await stat(folder);
    const { bytes = 0, spare = 0, folder: first = folder } = disks.get(dev) ?? {};
    disks.set(dev, {
      folder: first,
      bytes: bytes + need.bytes,
      spare: Math.max(spare, need.spare ?? MINIMUM_FREE_BYTES),
    });
  }
  for (const { folder, bytes, spare } of disks.values()) {
    const { bavail, bsize } = await statfs(folder);
    const [free, wanted] = [Math.floor(bavail * bsize), Math.ceil(bytes + spare)];
    if (free < wanted)
      throw new SpaceError(
        `too little disk space: ${megabytes(free)} free on ${folder}, ${megabytes(wanted)} needed` +
          (bytes === 0 ? "" : ", with the backup and its proof"),
      );
  }
}

/** The same for a folder of which only the spare space has to be there. */
export async function requireSpace(folder: string): Promise<void> {
  await requireSpaceFor([{ folder, bytes: 0 }]);
}

async function nearestFolder(folder: string): Promise<string> {
  try {
    await stat(folder);
    return folder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return nearestFolder(dirname(folder));
  }
}

function megabytes(bytes: number): string {
  const amount = bytes / 1024 ** 2;
  return `${amount < 10 ? amount.toFixed(1) : Math.floor(amount)} MB`;
}
