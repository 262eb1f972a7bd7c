/**
 * What the database of a switch runs from where that is not what the release's compose file says: an image of the
 * operator's, or what an upgrade brought. The server's own records decide: a stack that knows nothing of an
 * upgrade, or goes back to a time before it, takes nothing back of it.
 */
import { postgresMajorOf } from "../common/image-reference.ts";
import type { Configuration, PlacedDatabase, ServingRecord } from "./protocol.ts";

/** What is known when a request is looked at. */
export interface PlacementFacts {
  configuration: Pick<Configuration, "databaseImage" | "databaseVolume">;
  /** The database's image in the compose file of the release that is asked for. */
  releaseImage: string;
  /** What was committed last, also where its containers were removed since; undefined: nothing yet. */
  last: Pick<ServingRecord, "postgres"> | undefined;
  /** The major version of the PostgreSQL that answers now; undefined: none does. */
  running: number | undefined;
}

/** What a switch does about the database's place. */
export interface Placement {
  /** Undefined: as the release says. */
  placed?: Omit<PlacedDatabase, "volume"> & {
    /** Undefined: a new one, to which the data are brought. */
    volume?: string;
  };
  /** The image in the rendered file; undefined: the release's own. */
  image?: string;
}

/**
 * @returns the placement, or why there is none
 */
export function placementOf(facts: PlacementFacts): Placement | { problem: string } {
  const { configuration, releaseImage, last, running } = facts;
  const current = last?.postgres;
  const asked = configuration.databaseImage;
  const released = postgresMajorOf(releaseImage);
  if (asked === undefined) {
    if (current === undefined) return {};
    // The release has caught up, or goes further, which is refused when its image is looked at.
    if (released !== undefined && released >= current.major)
      return { placed: { image: releaseImage, major: released, volume: current.volume } };
    return { placed: current, image: current.image };
  }
  const major = postgresMajorOf(asked);
  if (major === undefined) return { problem: `databaseImage ${asked} names no version` };
  const placed = { image: asked, major };
  if (last === undefined)
    return { placed: { ...placed, volume: configuration.databaseVolume }, image: asked };
  const present = current?.major ?? running;
  if (present === undefined)
    return {
      problem:
        "the database doesn't answer, so nothing is known of its version, and databaseImage can't be followed. " +
        "See npx chatalot status",
    };
  if (major < present)
    return {
      problem:
        `databaseImage is ${asked}, and the database's data are of PostgreSQL ${present}: an older version does ` +
        `not read them. Set it back: pulumi config set databaseImage ${current?.image ?? `postgres:${present}`}`,
    };
  return {
    placed:
      major > present
        ? placed
        : { ...placed, volume: current?.volume ?? configuration.databaseVolume },
    image: asked,
  };
}

/**
 * The name of the volume to which a job brings the database: after the usual one, the version and the job, which
 * is never repeated.
 */
export function upgradeVolumeName(
  { databaseVolume }: Pick<Configuration, "databaseVolume">,
  major: number,
  sequence: number,
): string {
  return `${databaseVolume}_pg${major}_${sequence}`;
}
