/** `npx chatalot backup fetch`: brings one backup to this machine, compared byte by byte. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, open, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { messageOf, UserError } from "../../common/errors.ts";
import { receiveDump } from "../../provider/server/server-backups.ts";
import { TransportError } from "../../transport/index.ts";
import { type Backup, DUMP_FILE, MANIFEST_FILE, manifestText } from "../../updater/backups.ts";
import { nameExists, syncDirectory, writeFileDurably } from "../../updater/files.ts";
import type { Dump } from "../../updater/drivers/database-tools.ts";
import type { CommandContext } from "../terminal.ts";
import { checkName, namedBackup, readStackBackups, sizeText } from "./list.ts";

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
  const receive = (stream: Transform): Promise<void> =>
    receiveDump(found.server, name, stream, context.tell, context.signal);
  try {
    await writeBackup(backup, folder, receive, context);
  } catch (error) {
    if (error instanceof UserError || error instanceof TransportError) throw error;
    if (!isSystemError(error)) throw error;
    throw new UserError(`The backup can't be put into ${folder}: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  const { size } = backup.manifest.dump;
  context.tell(
    `FETCHED ${destination}: ${sizeText(size)}, with the SHA-256 that was written on the server. It holds ` +
      "everything that was said in the chat: only you can read it here.",
  );
  return destination;
}

/** Everything is written and flushed under a name of its own first, which a failure takes away again. */
export async function writeBackup(
  { name, manifest }: Backup,
  folder: string,
  receive: (stream: Transform) => Promise<void>,
  context: Pick<CommandContext, "status">,
): Promise<void> {
  const destination = join(folder, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const partial = await mkdtemp(join(folder, `.${name}.`));
  try {
    await writeDump(join(partial, DUMP_FILE), name, manifest.dump, receive, context);
    await writeFileDurably(join(partial, MANIFEST_FILE), manifestText(manifest));
    await refuseTaken(destination);
    await rename(partial, destination);
    await syncDirectory(folder);
  } finally {
    // Not there any more where all went well.
    await rm(partial, { recursive: true, force: true });
  }
}

async function writeDump(
  file: string,
  name: string,
  dump: Dump,
  receive: (stream: Transform) => Promise<void>,
  { status }: Pick<CommandContext, "status">,
): Promise<void> {
  const digest = createHash("sha256");
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const reporting = setInterval(
    () => status(`${sizeText(size)} of ${sizeText(dump.size)}`),
    REPORT_INTERVAL,
  );
  const written = pipeline(count, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  try {
    // What fails first is the reason: a full disk here, or what the server says.
    await Promise.all([receive(count).then(() => void count.end()), written]);
  } catch (error) {
    count.destroy();
    await written.catch(() => undefined);
    throw error;
  } finally {
    clearInterval(reporting);
  }
  const sha256 = digest.digest("hex");
  if (size !== dump.size || sha256 !== dump.sha256)
    throw new UserError(
      `The backup ${name} was not fetched: its dump arrived with ${size} bytes and the SHA-256 ${sha256}, ` +
        `and ${dump.size} bytes with ${dump.sha256} were written. Have it checked where it is: npx chatalot ` +
        `backup check ${name}`,
    );
  const handle = await open(file, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function refuseTaken(destination: string): Promise<void> {
  if (await nameExists(destination))
    throw new UserError(
      `Nothing was fetched: ${destination} is there already, and is never written over. Move it away, or ` +
        "name another folder with --to.",
    );
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === "string";
}
