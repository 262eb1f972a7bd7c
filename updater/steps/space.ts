import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

/** Below this a build or a rendered release may fail half-way; the real image has about 150 MB. */
const MINIMUM_FREE_BYTES = 1024 ** 3;

/** A release's tree and a build's layers have thousands of files; a backup has only some. */
const MINIMUM_FREE_FILES = 10_000;
const FILES_OF_A_BACKUP = 10;

/** A folder that will be written to. */
export interface SpaceNeed {
  folder: string;
  /** Bytes that will be written there. */
  bytes: number;
  /**
   * Bytes that have to stay free besides; with 0 only a few files will be made there.
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
    const { bavail, bsize, files, ffree } = await statfs(folder);
    const wantedFiles = spare === 0 ? FILES_OF_A_BACKUP : MINIMUM_FREE_FILES;
    // Some file systems have no fixed number of files, and say 0.
    if (files > 0 && ffree < wantedFiles)
      throw new Error(
        `too few free inodes: ${ffree} left on ${folder}, ${wantedFiles} needed (df -i ${folder})`,
      );
    const [free, wanted] = [Math.floor(bavail * bsize), Math.ceil(bytes + spare)];
    if (free < wanted)
      throw new Error(
        `too little disk space: ${megabytes(free)} free on ${folder}, ${megabytes(wanted)} needed` +
          (bytes === 0 ? "" : ", with the backup and its proof"),
      );
  }
}

/** What is free on the disks of some folders: `340 MB and 2000 inodes on /srv/chatalot`. */
export async function roomOf(folders: readonly string[]): Promise<string[]> {
  const disks = new Map<number, string>();
  for (const folder of folders) {
    const path = await nearestFolder(folder);
    const { dev } = await stat(path);
    if (!disks.has(dev)) disks.set(dev, path);
  }
  return Promise.all(
    [...disks.values()].map(async (folder) => {
      const { bavail, bsize, files, ffree } = await statfs(folder);
      const inodes = files > 0 ? ` and ${ffree} inodes` : "";
      return `${megabytes(bavail * bsize)}${inodes} on ${folder}`;
    }),
  );
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

/** Never in GB: what is free may be a little less than what is needed. */
function megabytes(bytes: number): string {
  const amount = bytes / 1_000_000;
  return `${amount < 10 ? amount.toFixed(1) : Math.floor(amount)} MB`;
}
