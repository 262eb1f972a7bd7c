/** `npx chatalot backup fetch`: brings one backup to this machine, compared byte by byte. */
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PassThrough, type Writable } from "node:stream";
import { messageOf, UserError } from "../../common/errors.ts";
import { describeBytes } from "../../common/size.ts";
import { receiveBackupPart } from "../../provider/server/server-backups.ts";
import { TransportError } from "../../transport/index.ts";
import { readFileList } from "../../updater/backup-files/compare.ts";
import {
  ContentError,
  makeFolders,
  partsOf,
  receiveContent,
} from "../../updater/backup-files/content.ts";
import { type FileList, LIST_FILE } from "../../updater/backup-files/file-list.ts";
import {
  type Backup,
  type BackupManifest,
  MANIFEST_FILE,
  manifestText,
} from "../../updater/backups.ts";
import { nameExists, syncDirectory, writeFileDurably } from "../../updater/files.ts";
import type { CommandContext } from "../terminal.ts";
import { checkName, namedBackup, readStackBackups } from "./list.ts";

const REPORT_INTERVAL = 500;

/**
 * Puts the backup's folder into another one, whole or not at all. What has its name is never written over.
 *
 * @param to the folder that it is put into, made where it is missing. Default: the present one
 * @returns where it is
 * @throws UserError where it is refused, or did not arrive as it was written
 */
export async function fetchBackup(
  stack: string | undefined,
  name: string,
  { to = "." }: { to?: string },
  context: CommandContext,
): Promise<string> {
  checkName(name);
  const folder = resolve(to);
  const destination = join(folder, name);
  await refuseTaken(destination);
  const found = await readStackBackups(stack, context.tell);
  const backup = namedBackup(found, name);
  const receive = (part: "list" | "content") => (stream: Writable) =>
    receiveBackupPart(found.server, { name, part }, stream, context.tell, context.signal);
  const source = { list: receive("list"), content: receive("content") };
  try {
    await writeBackup(backup, folder, source, context);
  } catch (error) {
    if (error instanceof UserError || error instanceof TransportError) throw error;
    if (!isSystemError(error)) throw error;
    throw new UserError(`The backup can't be put into ${folder}: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  const { dump, files } = backup.manifest;
  context.tell(
    `FETCHED ${destination}: ${describeBytes(dump.size + (files?.size ?? 0))}, with the SHA-256 that was written ` +
      `on the server. It holds everything that was said in the chat${
        files === undefined ? "" : ", its uploads and its keys"
      }: only you can read it here.`,
  );
  return destination;
}

/** How the parts of a backup are had. */
export interface BackupSource {
  /** Writes the text of its list of files. */
  list(stream: Writable): Promise<void>;
  /** Writes the bytes of all its files. */
  content(stream: Writable): Promise<void>;
}

/** Everything is written and flushed under a name of its own first, which a failure takes away again. */
export async function writeBackup(
  { name, manifest }: Backup,
  folder: string,
  source: BackupSource,
  { status }: Pick<CommandContext, "status">,
): Promise<void> {
  const destination = join(folder, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const partial = await mkdtemp(join(folder, `.${name}.`));
  const whole = manifest.dump.size + (manifest.files?.size ?? 0);
  const report = reporter(REPORT_INTERVAL, (bytes) =>
    status(`${describeBytes(bytes)} of ${describeBytes(whole)}`),
  );
  try {
    const list = await receiveList(manifest, partial, source);
    await makeFolders(partial, list);
    await received(
      (stream) => source.content(stream),
      (stream) => receiveContent(stream, partsOf(manifest, list), partial, report),
    );
    await writeFileDurably(join(partial, MANIFEST_FILE), manifestText(manifest));
    await refuseTaken(destination);
    await rename(partial, destination);
    await syncDirectory(folder);
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    throw new UserError(
      `The backup ${name} was not fetched: ${error.message}. Have it checked where it is: npx chatalot ` +
        `backup check ${name}`,
      { cause: error },
    );
  } finally {
    // Not there any more where all went well.
    await rm(partial, { recursive: true, force: true });
  }
}

async function receiveList(
  { files }: BackupManifest,
  folder: string,
  source: BackupSource,
): Promise<FileList | undefined> {
  if (files === undefined) return undefined;
  const { listSize: size, listSha256: sha256 } = files;
  await received(
    (stream) => source.list(stream),
    (stream) => receiveContent(stream, [{ path: LIST_FILE, size, sha256 }], folder),
  );
  return readFileList(folder, files);
}

/** What fails first is the reason: a full disk here, or what the server says. */
async function received(
  send: (stream: Writable) => Promise<void>,
  take: (stream: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const stream = new PassThrough();
  const taken = take(stream);
  try {
    await Promise.all([send(stream).then(() => void stream.end()), taken]);
  } catch (error) {
    stream.destroy();
    // What is wrong with the content also ends the sending, whose own error may come first.
    const reason: unknown = await taken.catch((cause: unknown) => cause);
    throw reason instanceof ContentError ? reason : error;
  }
}

/** Says at most so often how far it is. */
function reporter(interval: number, say: (bytes: number) => void): (bytes: number) => void {
  let last = 0;
  return (bytes) => {
    if (Date.now() - last < interval) return;
    last = Date.now();
    say(bytes);
  };
}

/** What has a backup's name is never written over. */
export async function refuseTaken(destination: string): Promise<void> {
  if (await nameExists(destination))
    throw new UserError(
      `Nothing was written: ${destination} is there already, and is never written over. Move it away, or ` +
        "name another folder with --to.",
    );
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === "string";
}
