/**
 * Takes a backup that an operator brings: back to the server that it is of, or to one that is empty, which
 * becomes the instance that the backup is of. Nothing in it is believed before it was compared: names by
 * their form, contents by their digests.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { parseFileList } from "./backup-files/compare.ts";
import { ContentError, makeFolders, partsOf, receiveContent } from "./backup-files/content.ts";
import { LIST_FILE, SECRETS_FILE } from "./backup-files/file-list.ts";
import type { OfferedBackup, OfferAnswer } from "./backup-protocol.ts";
import {
  type Backup,
  backupFolder,
  type BackupManifest,
  DUMP_FILE,
  placeReceived,
  readBackup,
} from "./backups.ts";
import {
  makeDirectoryDurably,
  nameExists,
  readFileIfThere,
  sha256OfFile,
  writeFileDurably,
} from "./files.ts";
import { flush } from "./flush.ts";
import { findForeign } from "./foreign.ts";
import { plantInstance, readInstance } from "./instance.ts";
import { openJob } from "./job.ts";
import { obstacleOf } from "./obstacle.ts";
import { unsafeFolders } from "./ownership.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import { type InstanceSecrets, instanceSecretsSchema } from "./protocol.ts";
import { requireSpaceFor } from "./steps/space.ts";
import { underWay } from "./texts.ts";
import { withReceiveLock, withSubmitLock } from "./submit-lock.ts";

/** The first bytes of a dump in PostgreSQL's custom format; SQL in plain text has others. */
const DUMP_SIGNATURE = "PGDMP";

/** What came in hours is not given up because of one who is at work for some minutes. */
const FINAL_SECONDS = 10 * 60;

/** Longer than a network that comes back is away, in milliseconds. */
const IDLE = 2 * 60_000;

/** Says whether a backup would be taken, so that nobody sends gigabytes for a refusal. */
export async function offerBackup(offer: OfferedBackup): Promise<OfferAnswer> {
  const paths = instancePaths(offer.directory);
  return withSubmitLock(paths, () => judge(paths, offer));
}

/**
 * Jobs may be opened while the bytes come, for hours maybe. Whether it is taken is judged before, and again
 * when they are there.
 *
 * @param content the bytes of its files
 * @param idle how long none may come, in milliseconds: a network that goes away says nothing
 * @throws Error where they are not what its manifest says; nothing is left of them then
 */
export async function receiveBackup(
  offer: OfferedBackup,
  content: AsyncIterable<Uint8Array>,
  idle = IDLE,
): Promise<OfferAnswer> {
  const paths = instancePaths(offer.directory);
  return withReceiveLock(paths, async () => {
    const answer = await withSubmitLock(paths, () => judge(paths, offer));
    return answer.answer === "wanted" ? take(paths, offer, notIdle(content, idle)) : answer;
  });
}

/** @param obstacle what is in the way although the backup fits */
async function judge(
  paths: InstancePaths,
  offer: OfferedBackup,
  obstacle: typeof obstacleOf = obstacleOf,
): Promise<OfferAnswer> {
  const reasons = await refusals(paths, offer, obstacle);
  if (reasons.length > 0) return { answer: "refused", reasons };
  const found = await readBackup(paths, offer.name);
  if (found === undefined) return { answer: "wanted" };
  if (isSame(found, offer.manifest)) {
    const problem = await plantFrom(paths, offer);
    return problem === undefined ? { answer: "there" } : { answer: "refused", reasons: [problem] };
  }
  return {
    answer: "refused",
    reasons: [
      `The server has another backup ${offer.name}: what is in it differs. Nothing was changed. Look at both: ` +
        "npx chatalot backup list",
    ],
  };
}

/**
 * Makes a server without an instance the one that a backup on it is of. Whoever received the backup may have
 * been killed before: a deployment would then make keys of its own for the database that was brought.
 *
 * @returns why it can't be done
 */
async function plantFrom(
  paths: InstancePaths,
  { name, project, manifest, list }: OfferedBackup,
): Promise<string | undefined> {
  if ((await readInstance(paths)) !== undefined) return undefined;
  const folder = backupFolder(paths, name);
  const damaged = (what: string): string =>
    `The backup ${name} is on the server already, and its keys can't be used: ${what}. Nothing was changed. ` +
    `Remove ${folder} there, and bring it again.`;
  const file = join(folder, SECRETS_FILE);
  if (!(await nameExists(file))) return damaged("they are gone");
  const digest = await sha256OfFile(file);
  const written = keysOf(manifest, list)?.sha256;
  if (digest !== written)
    return damaged(`they have the SHA-256 ${digest}, and ${written ?? "none"} was written`);
  const secrets = await readSecrets(folder);
  if (secrets === undefined) return damaged("they are not in the form that they should have");
  await plantInstance(paths, { id: manifest.instanceId, project }, secrets);
  return undefined;
}

/** The keys in a backup's folder; undefined where they have another form. */
async function readSecrets(folder: string): Promise<InstanceSecrets | undefined> {
  const keys = await readFileIfThere(join(folder, SECRETS_FILE));
  try {
    return instanceSecretsSchema.safeParse(JSON.parse(keys ?? "null")).data;
  } catch {
    return undefined;
  }
}

async function refusals(
  paths: InstancePaths,
  { directory, project, volumes, manifest, list }: OfferedBackup,
  obstacle: typeof obstacleOf,
): Promise<string[]> {
  const unsafe = await unsafeFolders(paths);
  if (unsafe.length > 0)
    return [
      `${directory} can't be used: ${unsafe.join(", ")}. What runs there as root must be root's alone: ` +
        "change owner and mode, or choose another server.directory.",
    ];
  const instance = await readInstance(paths);
  if (instance !== undefined && instance.id !== manifest.instanceId)
    return [
      `${directory} holds instance ${instance.id}, and the backup is of instance ${manifest.instanceId}. ` +
        "Nothing was changed. Restore it onto an empty server, or into another server.directory.",
    ];
  const problem = listProblem(manifest, list);
  if (problem !== undefined) return [`The backup can't be used: ${problem}. Nothing was changed.`];
  if (instance === undefined) {
    const foreign = await findForeign(paths, project, volumes);
    if (foreign.length > 0)
      return [
        `Something is here already that this tool did not deploy: ${foreign.join(", ")}. Nothing was ` +
          "changed. Restore onto an empty server, or move these away first.",
      ];
    if (keysOf(manifest, list) === undefined)
      return [
        "The backup has the database alone, and a new server needs the keys as well: without them nobody " +
          "could log in with a second factor. Nothing was changed. Take one that has them, as npx chatalot " +
          "backup take does.",
      ];
    return [];
  }
  const found = await obstacle(paths);
  return found === undefined ? [] : [found];
}

function listProblem(manifest: BackupManifest, list: string | undefined): string | undefined {
  if ((manifest.files === undefined) !== (list === undefined))
    return "its manifest and its list of files don't belong together";
  try {
    if (manifest.files !== undefined && list !== undefined) parseFileList(list, manifest.files);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "unknown";
  }
}

function keysOf(manifest: BackupManifest, list: string | undefined) {
  if (manifest.files === undefined || list === undefined) return undefined;
  return parseFileList(list, manifest.files).files.find(({ path }) => path === SECRETS_FILE);
}

function isSame({ manifest }: Backup, other: BackupManifest): boolean {
  return (
    manifest.dump.sha256 === other.dump.sha256 &&
    manifest.files?.listSha256 === other.files?.listSha256
  );
}

async function take(
  paths: InstancePaths,
  offer: OfferedBackup,
  content: AsyncIterable<Uint8Array>,
) {
  const { name, manifest, list: text } = offer;
  const list =
    text === undefined || manifest.files === undefined
      ? undefined
      : parseFileList(text, manifest.files);
  const bytes = manifest.dump.size + (manifest.files?.size ?? 0);
  await requireSpaceFor([{ folder: paths.backups, bytes, spare: 0 }]);
  await makeDirectoryDurably(paths.directory, 0o755);
  const needsKeys = (await readInstance(paths)) === undefined;
  let answer: OfferAnswer = { answer: "there" };
  await placeReceived(
    paths,
    name,
    async (folder) => {
      await makeFolders(folder, list);
      await receiveContent(content, partsOf(manifest, list), folder);
      await refuseOtherFormat(folder);
      if (needsKeys && (await readSecrets(folder)) === undefined)
        throw new Error("the backup's keys are not in the form that they should have");
      if (text !== undefined) await writeFileDurably(join(folder, LIST_FILE), text);
      await flush("the backup", folder);
      return manifest;
    },
    (place) =>
      withSubmitLock(
        paths,
        async () => {
          answer = await judge(paths, offer, jobOfSameNumber(manifest));
          if (answer.answer !== "wanted") return;
          await place();
          const problem = await plantFrom(paths, offer);
          answer =
            problem === undefined ? { answer: "there" } : { answer: "refused", reasons: [problem] };
        },
        FINAL_SECONDS,
      ),
  );
  return answer;
}

/** A whole backup may appear under any job, but for one whose own backup it would be taken for. */
function jobOfSameNumber({ sequence }: BackupManifest): typeof obstacleOf {
  return async (paths) => {
    const job = await openJob(paths);
    return job?.sequence === sequence ? underWay(job.summary) : undefined;
  };
}

/** @throws ContentError where nothing comes for that long */
async function* notIdle(
  content: AsyncIterable<Uint8Array>,
  idle: number,
): AsyncGenerator<Uint8Array> {
  const source = content[Symbol.asyncIterator]();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      const seconds = Math.round(idle / 1_000);
      const text =
        `nothing of the backup has come for ${seconds} s: the connection is gone, or whoever sends it is halted. ` +
        "Nothing of it was kept. Bring it again";
      timer = setTimeout(() => reject(new ContentError(text)), idle);
    });
    try {
      const next = await Promise.race([source.next(), silence]);
      if (next.done === true) return;
      yield next.value;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function refuseOtherFormat(folder: string): Promise<void> {
  const file = await open(join(folder, DUMP_FILE));
  try {
    const { buffer } = await file.read(
      Buffer.alloc(DUMP_SIGNATURE.length),
      0,
      DUMP_SIGNATURE.length,
      0,
    );
    if (buffer.toString("latin1") !== DUMP_SIGNATURE)
      throw new Error("its dump is not one of PostgreSQL's custom format");
  } finally {
    await file.close();
  }
}
