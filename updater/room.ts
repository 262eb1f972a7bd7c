/** Whether an update would find room, for a preview: by the sum of its first step. Reads only. */
import { messageOf } from "../common/errors.ts";
import { ComposeDriver } from "./drivers/compose/compose-driver.ts";
import { freeableText, isRefusedForRoom } from "./freeable.ts";
import { readInstance } from "./instance.ts";
import { Ledger } from "./ledger.ts";
import { instancePaths } from "./paths.ts";
import type { RoomAnswer, RoomRequest } from "./room-protocol.ts";
import type { DriverOf } from "./run.ts";
import { spaceForChanges } from "./steps/backup.ts";
import { requireUpdateSpace } from "./steps/update-space.ts";
import { noInstance } from "./submit.ts";

/**
 * What the image will take is not among it, and neither is an earlier database that takes the live one's place: what
 * is refused here is refused by the job for certain.
 */
export async function foreseeRoom(
  { directory, volumes: [database = "", files = ""], changes, isUpgrade }: RoomRequest,
  driverOf: DriverOf = (paths, project) => new ComposeDriver(paths, project),
): Promise<RoomAnswer> {
  const paths = instancePaths(directory);
  const instance = await readInstance(paths);
  if (instance === undefined) return { refusals: [noInstance(paths)] };
  const driver = driverOf(paths, instance.project);
  const { lastServing } = await Ledger.read(paths);
  // A database that was brought to another version lies in a volume of its own.
  const databaseVolume = lastServing?.serving?.postgres?.volume ?? database;
  try {
    const backup = await spaceForChanges({ driver, paths }, changes);
    const volumes = { databaseVolume, filesVolume: files };
    await requireUpdateSpace({ driver, paths }, { ...volumes, isUpgrade, backup });
    return { refusals: [] };
  } catch (error) {
    const reason = messageOf(error);
    if (!isRefusedForRoom(reason)) throw error;
    const freeable = await freeableText(driver, paths).catch(() => "");
    return { refusals: [`${reason}${freeable || ". Make room there, or give it a larger disk."}`] };
  }
}
