/** The room that an update needs before it may begin. */
import type { BackupSpace } from "../backup-space.ts";
import { requireSpaceFor } from "./space.ts";
import type { JobContext } from "./step.ts";

/** What an update will write, in bytes. */
export interface UpdateSpace {
  /** Docker's names. */
  databaseVolume: string;
  filesVolume: string;
  isUpgrade: boolean;
  backup: BackupSpace;
  /** Of an earlier database that takes the live one's place. @default nothing */
  restored?: { database: number; uploads: number };
}

/**
 * For everything that is written before the point of no return, on every disk that is written to. The
 * backups may have a disk of their own, on which nothing else has to find room.
 *
 * @throws where it does not fit, with the numbers
 */
export async function requireUpdateSpace(
  { driver, paths }: Pick<JobContext, "driver" | "paths">,
  { databaseVolume, filesVolume, isUpgrade, ...space }: UpdateSpace,
): Promise<void> {
  const { backup, proof, revertPoint } = space.backup;
  const restored = space.restored ?? { database: 0, uploads: 0 };
  const volume = await driver.volumeFolder(databaseVolume);
  const uploads = await driver.volumeFolder(filesVolume);
  const images = (await driver.imageFolder()) ?? volume;
  await requireSpaceFor([
    { folder: paths.directory, bytes: 0 },
    // An upgrade dumps once more, when nobody writes any longer.
    { folder: paths.backups, bytes: backup * (isUpgrade ? 2 : 1), spare: 0 },
    ...(images === undefined ? [] : [{ folder: images, bytes: proof }]),
    ...(volume === undefined
      ? []
      : [{ folder: volume, bytes: Math.max(revertPoint, restored.database) }]),
    ...(uploads === undefined ? [] : [{ folder: uploads, bytes: restored.uploads }]),
  ]);
}
