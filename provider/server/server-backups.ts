/** The backups that a server has: reading the list, removing one, bringing one here, and back. */
import { Readable, type Writable } from "node:stream";
import { UserError } from "../../common/errors.ts";
import type {
  BackupList,
  BackupsRequest,
  NamedBackupRequest,
  OfferAnswer,
  OfferedBackup,
  SendRequest,
} from "../../updater/backup-protocol.ts";
import type { CopyAnswer } from "../../updater/copies/protocol.ts";
import { PROTOCOL, type RemovedAnswer } from "../../updater/protocol.ts";
import { copySchema, removedSchema } from "./care-schemas.ts";
import { backupListSchema, offerSchema } from "./history-schemas.ts";
import { readAnswer } from "./answers.ts";
import { askUpdater, type Question, type Tell } from "./ask-updater.ts";
import type { RemoteServer } from "./remote-server.ts";
import { followed } from "./runner-access.ts";

const LIST_TIMEOUT = 60_000;

/** The lock of submissions may be waited for, and a large dump takes a disk some seconds. */
const REMOVE_TIMEOUT = 5 * 60_000;

/** Some gigabytes over a slow line. */
const SEND_TIMEOUT = 12 * 3_600_000;

/**
 * All backups that are complete, the oldest first. The programs of this version are put on the server
 * where they are missing; nothing else is changed.
 *
 * @throws UserError where the server has no instance
 */
export async function backupsOf(server: RemoteServer, tell: Tell): Promise<BackupList> {
  const answer = await ask(server, tell, {
    ...{ label: "read the list of backups", verb: "backups", request: requestTo(server) },
    ...{ timeout: LIST_TIMEOUT, forgets: false },
  });
  return readAnswer(backupListSchema, answer, server.answerTo("list of backups"));
}

/** Removes a backup, or says why not. */
export async function removeBackupOf(
  server: RemoteServer,
  name: string,
  tell: Tell,
): Promise<RemovedAnswer> {
  const answer = await ask(server, tell, {
    ...{ label: "remove the backup", verb: "remove-backup", timeout: REMOVE_TIMEOUT },
    request: { ...requestTo(server), name } satisfies NamedBackupRequest,
  });
  return readAnswer(removedSchema, answer, server.answerTo("answer"));
}

/**
 * Streams the list of a backup's files, or the bytes of all of them, as the server's disk has them: whoever
 * takes them compares them.
 *
 * @param destination is not ended
 * @param signal ends it
 */
export async function receiveBackupPart(
  server: RemoteServer,
  { name, part }: Pick<SendRequest, "name" | "part">,
  destination: Writable,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  await ask(server, tell, {
    ...{ label: "fetch the backup", verb: "send-backup", timeout: SEND_TIMEOUT },
    request: { ...requestTo(server), name, part } satisfies SendRequest,
    ...{ stdout: destination, signal, forgets: false },
  });
}

/** Copies to the other place what is not there yet; uploads of many gigabytes may take hours. */
export async function copyBackupsOf(
  server: RemoteServer,
  tell: Tell,
  signal: AbortSignal,
): Promise<CopyAnswer> {
  const answer = await ask(server, tell, {
    ...{ label: "copy the backups", verb: "copy-backups", request: requestTo(server) },
    ...{ timeout: SEND_TIMEOUT, signal },
  });
  return readAnswer(copySchema, answer, server.answerTo("answer"));
}

/** Asks whether the server would take a backup; it need not have an instance. */
export async function offerBackupTo(
  server: RemoteServer,
  backup: BroughtBackup,
  tell: Tell,
): Promise<OfferAnswer> {
  const request = offerOf(server, backup);
  const question = { label: "offer the backup", verb: "offer-backup", request };
  const answer = await askUpdater(
    server,
    { ...question, timeout: REMOVE_TIMEOUT, forgets: false },
    tell,
  );
  return readAnswer(offerSchema, answer, server.answerTo("answer"));
}

/**
 * Brings a backup to the server.
 *
 * @param content the bytes of its files
 */
export async function sendBackupTo(
  server: RemoteServer,
  backup: BroughtBackup,
  content: AsyncIterable<Uint8Array>,
  tell: Tell,
  signal: AbortSignal,
): Promise<OfferAnswer> {
  const runner = await server.install(tell);
  const line = Buffer.from(`${JSON.stringify(offerOf(server, backup))}\n`);
  const { stdout } = await server.ask(
    "send the backup",
    runner,
    { verb: "receive-backup" },
    { stdin: Readable.from(followed(line, content)), timeout: SEND_TIMEOUT, signal },
  );
  server.forget();
  return readAnswer(offerSchema, stdout, server.answerTo("answer"));
}

/** A backup in the operator's hands. */
export type BroughtBackup = Pick<OfferedBackup, "name" | "manifest" | "list">;

function offerOf({ place }: RemoteServer, backup: BroughtBackup): OfferedBackup {
  const { directory, project, volumes } = place;
  return { protocol: PROTOCOL, directory, project, volumes, ...backup };
}

/** @throws UserError where the server has no instance */
export async function requireInstance(server: RemoteServer): Promise<void> {
  if ((await server.facts()).hasInstance) return;
  throw new UserError(
    `There are no backups: ${server.target} has no instance in ${server.place.directory}. Deploy one with ` +
      'pulumi up, or point "server" at the right one.',
  );
}

function requestTo({ place }: RemoteServer): BackupsRequest {
  return { protocol: PROTOCOL, directory: place.directory };
}

async function ask(server: RemoteServer, tell: Tell, question: Question): Promise<string> {
  await requireInstance(server);
  return askUpdater(server, question, tell);
}
