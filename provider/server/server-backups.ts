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
import { copySchema, removedSchema } from "./answer-schemas.ts";
import { backupListSchema, offerSchema } from "./history-schemas.ts";
import { readAnswer } from "./answers.ts";
import type { RemoteServer } from "./remote-server.ts";
import { followed } from "./runner-access.ts";

const LIST_TIMEOUT = 60_000;

/** The lock of submissions may be waited for, and a large dump takes a disk some seconds. */
const REMOVE_TIMEOUT = 5 * 60_000;

/** Some gigabytes over a slow line. */
const SEND_TIMEOUT = 12 * 3_600_000;

/** Gets what is told of the sending of the updater, where that is needed. */
type Tell = (text: string) => void;

/** One question to the updater. */
interface Question {
  /** What it does, for an error's text. */
  label: string;
  verb: string;
  /** The backup that it is about. */
  name?: string;
  /** What is sent of it. */
  part?: SendRequest["part"];
  timeout: number;
  stdout?: Writable;
  signal?: AbortSignal;
}

/**
 * All backups that are complete, the oldest first. The programs of this version are put on the server
 * where they are missing; nothing else is changed.
 *
 * @throws UserError where the server has no instance
 */
export async function backupsOf(server: RemoteServer, tell: Tell): Promise<BackupList> {
  const answer = await ask(server, tell, {
    ...{ label: "read the list of backups", verb: "backups", timeout: LIST_TIMEOUT },
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
    ...{ label: "remove the backup", verb: "remove-backup", name, timeout: REMOVE_TIMEOUT },
  });
  server.forget();
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
    ...{ label: "fetch the backup", verb: "send-backup", name, part, timeout: SEND_TIMEOUT },
    ...{ stdout: destination, signal },
  });
}

/** Copies to the other place what is not there yet; uploads of many gigabytes may take hours. */
export async function copyBackupsOf(
  server: RemoteServer,
  tell: Tell,
  signal: AbortSignal,
): Promise<CopyAnswer> {
  const answer = await ask(server, tell, {
    ...{ label: "copy the backups", verb: "copy-backups", timeout: SEND_TIMEOUT, signal },
  });
  server.forget();
  return readAnswer(copySchema, answer, server.answerTo("answer"));
}

/** Asks whether the server would take a backup; it need not have an instance. */
export async function offerBackupTo(
  server: RemoteServer,
  backup: BroughtBackup,
  tell: Tell,
): Promise<OfferAnswer> {
  const runner = await server.install(tell);
  const { stdout } = await server.ask(
    "offer the backup",
    runner,
    { verb: "offer-backup" },
    { stdin: JSON.stringify(offerOf(server, backup)), timeout: REMOVE_TIMEOUT },
  );
  return readAnswer(offerSchema, stdout, server.answerTo("answer"));
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

async function ask(
  server: RemoteServer,
  tell: Tell,
  { label, verb, name, part, ...options }: Question,
): Promise<string> {
  await requireInstance(server);
  const runner = await server.install(tell);
  const { directory } = server.place;
  const request: BackupsRequest | NamedBackupRequest | SendRequest = {
    ...{ protocol: PROTOCOL, directory },
    ...(name === undefined ? {} : { name }),
    ...(part === undefined ? {} : { part }),
  };
  const { stdout } = await server.ask(
    label,
    runner,
    { verb },
    {
      ...options,
      stdin: JSON.stringify(request),
    },
  );
  return stdout;
}
