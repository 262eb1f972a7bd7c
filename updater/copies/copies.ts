/** The copies of an instance's backups at another place: those that are missing are made, in order. */
import { join } from "node:path";
import { canonicalJson } from "../../common/canonical-json.ts";
import { messageOf } from "../../common/errors.ts";
import { readFileList } from "../backup-files/compare.ts";
import {
  type Backup,
  backupFolder,
  backupSummary,
  DUMP_FILE,
  fileListOf,
  listBackups,
  removeBackup,
  removePartialBackups,
} from "../backups.ts";
import { nameExists, readFileIfThere, removeDurably, writeFileDurably } from "../files.ts";
import { readInstance } from "../instance.ts";
import { acquireLock } from "../lock.ts";
import { type InstancePaths } from "../paths.ts";
import { outdatedBackups } from "../retention.ts";
import { requireSpaceFor } from "../steps/space.ts";
import { noInstance } from "../submit.ts";
import { Cipher, ENCRYPTED } from "./cipher.ts";
import { type Copied, copyBackup, knownParts } from "./copy-backup.ts";
import { folderAt, placeProblem } from "./place.ts";
import type { CopiesState, CopyOrder } from "./protocol.ts";

/** Some seconds for another run of the same to end; it may go on for hours. */
const LOCK_SECONDS = 10;

/** What is known of the copies that are there. */
interface Noted {
  at: string;
  /** Names of the copies at the place, the oldest first. */
  names: string[];
  /** For whom the newest is encrypted; empty: for nobody. */
  recipients: string[];
  /** Why the last run did not end well. */
  problem?: string;
}

/**
 * Copies what is proven, was taken by the clock or by hand, and is not there yet; then removes what is too
 * much there, by the same rule as on the server. Noted, however it ends.
 *
 * @returns the names of the new ones
 */
export async function copyBackups(paths: InstancePaths, order: CopyOrder): Promise<string[]> {
  const lock = await acquireLock(paths.copiesLock, LOCK_SECONDS);
  const at = new Date().toISOString();
  try {
    const { names, made } = await copyMissing(paths, order);
    await note(paths, { at, names, recipients: order.encryptTo });
    return made;
  } catch (error) {
    const before = await readNoted(paths);
    const known = before ?? { names: [], recipients: order.encryptTo };
    await note(paths, { ...known, at, problem: messageOf(error) });
    throw error;
  } finally {
    await lock.release();
  }
}

async function copyMissing(
  paths: InstancePaths,
  { copyTo, encryptTo, keep }: CopyOrder,
): Promise<{ names: string[]; made: string[] }> {
  const instance = await readInstance(paths);
  if (instance === undefined) throw new Error(noInstance(paths));
  const problem = await placeProblem(paths, copyTo);
  if (problem !== undefined) throw new Error(problem);
  const folder = await folderAt(copyTo, instance.id);
  const place = { ...paths, backups: folder };
  await removePartialBackups(place);
  const there = await listBackups(place);
  const cipher = encryptTo.length === 0 ? undefined : await Cipher.for(encryptTo);
  const isSameWay =
    canonicalJson((await readNoted(paths))?.recipients ?? []) === canonicalJson(encryptTo);
  let earlier = isSameWay ? await newest(place, there, cipher !== undefined) : undefined;
  const made: string[] = [];
  for (const backup of missing(await listBackups(paths), there, keep)) {
    const list = await fileListOf(paths, backup);
    const source = { folder: backupFolder(paths, backup.name), backup, list };
    await requireSpaceFor([{ folder, bytes: bytesOf(source, earlier), spare: 0 }]);
    await copyBackup(source, folder, { cipher, earlier });
    earlier = { ...source, folder: join(folder, backup.name) };
    made.push(backup.name);
  }
  const all = await listBackups(place);
  const outdated = outdatedBackups(all.map(backupSummary), keep, "scheduled");
  for (const { name } of outdated) await removeBackup(place, name);
  const gone = new Set(outdated.map(({ name }) => name));
  return { names: all.map(({ name }) => name).filter((name) => !gone.has(name)), made };
}

/** Those of updates are not: the server removes them some updates later, and they lack the uploads. */
export function missing(
  backups: readonly Backup[],
  there: readonly Backup[],
  keep: number,
): Backup[] {
  const known = new Set(there.map(({ name }) => name));
  const found = backups.filter(
    ({ name, manifest: { kind, proof } }) =>
      (kind === "scheduled" || kind === "manual") && proof !== undefined && !known.has(name),
  );
  const all = [...there, ...found].map(backupSummary).sort((a, b) => a.sequence - b.sequence);
  // What would be removed there at once is not copied first.
  const outdated = new Set(outdatedBackups(all, keep, "scheduled").map(({ name }) => name));
  return found.filter(({ name }) => !outdated.has(name));
}

/** The newest copy that has files and is encrypted, or is not, as the next one will be. */
async function newest(
  place: InstancePaths,
  there: readonly Backup[],
  isEncrypted: boolean,
): Promise<Copied | undefined> {
  for (const backup of there.toReversed()) {
    const folder = backupFolder(place, backup.name);
    if (backup.manifest.files === undefined) continue;
    if ((await nameExists(join(folder, `${DUMP_FILE}${ENCRYPTED}`))) !== isEncrypted) continue;
    return { folder, backup, list: await readFileList(folder, backup.manifest.files) };
  }
  return undefined;
}

/** As if every place had links; one that has none is full earlier. */
function bytesOf({ backup, list }: Copied, earlier: Copied | undefined): number {
  const known = knownParts(earlier);
  const files = (list?.files ?? []).filter(({ path, sha256 }) => known.get(path) !== sha256);
  return files.reduce((bytes, { size }) => bytes + size, backup.manifest.dump.size);
}

/** What is known of the copies; undefined where none were ever made. */
export async function readCopies(paths: InstancePaths): Promise<CopiesState | undefined> {
  const noted = await readNoted(paths);
  if (noted === undefined) return undefined;
  const { at, names, recipients, problem } = noted;
  const last = names.at(-1);
  return {
    ...{ at, count: names.length, isEncrypted: recipients.length > 0 },
    ...(last === undefined ? {} : { newest: last }),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** Copies are known no more; those that were made stay where they are. */
export async function forgetCopies(paths: InstancePaths): Promise<void> {
  await removeDurably(paths.copies);
}

async function readNoted(paths: InstancePaths): Promise<Noted | undefined> {
  const text = await readFileIfThere(paths.copies);
  return text === undefined ? undefined : (JSON.parse(text) as Noted);
}

async function note(paths: InstancePaths, noted: Noted): Promise<void> {
  await writeFileDurably(paths.copies, JSON.stringify(noted));
}
