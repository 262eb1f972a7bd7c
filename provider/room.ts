/** Too little room for an update: refused in the preview where the server would refuse it, and else told. */
import { describeBytes } from "../common/size.ts";
import type { ServerState } from "../updater/protocol.ts";
import type { Wire } from "./codec.ts";
import { knownServerOf } from "./place.ts";
import type { ResourceContext } from "./resource.ts";
import { foreseeRoomIfInstalled } from "./server/foresee.ts";

/** An update, as far as its room is concerned. */
export interface RoomNeed {
  /** What is brought, for people. */
  what: string;
  /** The most that it may take, and what is free, in bytes. */
  needed: number;
  free: number;
  /** How much will be done to the database. */
  changes: number;
  isUpgrade: boolean;
}

/**
 * Asks the server, which knows its disks and how well its dumps are compressed, only where the most that an update
 * may take does not fit: else nothing has to be asked.
 */
export async function roomRefusals(
  context: ResourceContext,
  news: Wire,
  { openJob }: Pick<ServerState, "openJob">,
  { what, needed, free, changes, isUpgrade }: RoomNeed,
): Promise<string[]> {
  // A job that is under way may be this one, and takes of the room already.
  if (free >= needed || openJob !== undefined) return [];
  const answer = await foreseeRoomIfInstalled(knownServerOf(news), { changes, isUpgrade });
  const refusals = answer?.refusals ?? [];
  if (refusals.length === 0)
    context.warn(
      `There may be too little room for ${what}: it takes up to ${describeBytes(needed)}, and ` +
        `${describeBytes(free)} are free. The server looks again before it touches what serves. ` +
        "To be sure, make room on it first.",
    );
  return refusals.map(
    (reason) => `There is no room for ${what}, and nothing was changed: ${reason}`,
  );
}
