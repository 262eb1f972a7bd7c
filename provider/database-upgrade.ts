/** The setting `databaseImage`: why it can't be followed, and what bringing the database to it will do. */
import { postgresMajorOf } from "../common/image-reference.ts";
import { describeBytes } from "../common/size.ts";
import { backupSpace } from "../updater/backup-space.ts";
import type { Configuration, Measured, ServerState } from "../updater/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { knownServerOf } from "./place.ts";
import { about, line } from "./plan/render.ts";
import type { ResourceContext } from "./resource.ts";
import { roomRefusals } from "./room.ts";
import { freeBytes, type HostFacts } from "./server/host-facts.ts";

/** From one major version to another. */
interface Upgrade {
  image: string;
  from: number;
  to: number;
}

/** The version that the instance has: as its ledger knows it, else as its database says. */
export function presentMajor({ lastServing, database }: ServerState): number | undefined {
  return lastServing?.serving?.postgres?.major ?? database?.postgresMajor;
}

/** What the settings ask for; undefined: no other version. */
function askedUpgrade(news: Wire, state: ServerState): Upgrade | undefined {
  if (hasUnknown(news.configuration)) return undefined;
  const { databaseImage: image } = news.configuration as Configuration;
  const to = image === undefined ? undefined : postgresMajorOf(image);
  const from = presentMajor(state);
  if (image === undefined || to === undefined || from === undefined || from === to)
    return undefined;
  return { image, from, to };
}

/** What the server would refuse as well, before a job begins. */
export function upgradeRefusals(news: Wire, state: ServerState): string[] {
  const upgrade = askedUpgrade(news, state);
  if (upgrade === undefined || state.lastServing === undefined) return [];
  const { image, from, to } = upgrade;
  const { serving } = state;
  const why =
    to < from
      ? `its data are of PostgreSQL ${from}, and an older version does not read them. Set it back: pulumi config ` +
        `set databaseImage ${state.lastServing.serving?.postgres?.image ?? `postgres:${from}`}`
      : serving?.release === undefined
        ? "nothing serves. Deploy with the version before first"
        : serving.release.commit !== news.commit
          ? `${news.release as string} is another release than serves, and one thing is changed at a time: set ` +
            `release to ${serving.release.name} for the upgrade, or databaseImage to what it was for the release`
          : news.rollback !== undefined
            ? "a database of an earlier moment is asked for as well. Do one after the other"
            : undefined;
  if (why === undefined) return [];
  return [`The database can't be brought to ${image}: ${why}. Nothing was changed.`];
}

/** Says what will happen, for how long the chat will be away, and what stays. */
export async function tellUpgrade(
  context: ResourceContext,
  news: Wire,
  state: ServerState,
): Promise<void> {
  const upgrade = askedUpgrade(news, state);
  if (upgrade === undefined || state.serving === undefined) return;
  const { databaseVolume } = news.configuration as Configuration;
  context.tell(upgradeText(upgrade, state, databaseVolume, await knownServerOf(news).facts()));
}

export function upgradeText(
  { image, from, to }: Upgrade,
  { database, reach, serving, measured = {} }: ServerState,
  usualVolume: string,
  facts: HostFacts,
): string {
  const size = database?.size;
  const { needed, free } = roomOf(size, facts);
  const left = serving?.serving?.postgres?.volume ?? usualVolume;
  const points = reach?.revertPoints ?? [];
  return [
    ...line("UPGRADE", `PostgreSQL ${from} -> ${to} (${image})`),
    ...line(
      "Database",
      `${size === undefined ? "of unknown size" : describeBytes(size)}; into a new volume, compared table by ` +
        "table, with its roles, passwords and settings",
    ),
    ...line("Steps", steps(to, measured)),
    ...line("Failure", `PostgreSQL ${from} serves again, from its own volume, and nothing is lost`),
    ...line(
      "Kept",
      `the volume ${left}, as it is when the chat stops; nobody removes it but you` +
        (points.length === 0
          ? ""
          : `. Revert points stay in it and can't be gone back to any more: ${points.join(", ")}`),
    ),
    ...line(
      "Disk",
      `needs about ${describeBytes(needed)}, ${describeBytes(free)} free` +
        (free < needed ? ": MAY NOT BE ENOUGH" : ""),
    ),
  ].join("\n");
}

/** The most that it may take of the disks, and what is free, in bytes. */
function roomOf(size: number | undefined, facts: HostFacts): { needed: number; free: number } {
  const { backup, proof, revertPoint } = backupSpace(size ?? 0, 1, 1);
  const needed = 1024 ** 3 + 2 * backup + proof + revertPoint;
  return { needed, free: freeBytes(facts) };
}

/** Why the server has no room for it. */
export async function upgradeRoomRefusals(
  context: ResourceContext,
  news: Wire,
  state: ServerState,
): Promise<string[]> {
  const upgrade = askedUpgrade(news, state);
  if (upgrade === undefined || state.serving === undefined) return [];
  return roomRefusals(context, news, state, {
    what: upgrade.image,
    ...roomOf(state.database?.size, await knownServerOf(news).facts()),
    ...{ changes: 1, isUpgrade: true },
  });
}

/** What is measured is a dump and a restore of this very database, on this server. */
function steps(to: number, { dump, proof }: Measured): string {
  const both = dump === undefined || proof === undefined ? undefined : dump + proof;
  const beside = both === undefined ? undefined : both + (proof ?? 0);
  return (
    `backup, proven, and tried with PostgreSQL ${to}${about(beside)}: chat stays up; stop, last dump, restore, ` +
    `start${about(both)}: CHAT IS AWAY` +
    (both === undefined ? ", for as long as a dump and a restore take" : "")
  );
}
