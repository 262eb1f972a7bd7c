/** The backups that a server has: reading the list, removing one, and bringing its dump here. */
import type { Writable } from "node:stream";
import { UserError } from "../../common/errors.ts";
import type {
  BackupList,
  BackupsRequest,
  NamedBackupRequest,
  RemoveBackupAnswer,
} from "../../updater/backup-protocol.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import type { RemoteServer } from "./remote-server.ts";

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
  const list = JSON.parse(answer) as BackupList;
  if (list.protocol !== PROTOCOL)
    throw new Error(`the list of backups has protocol ${list.protocol}, not ${PROTOCOL}`);
  return list;
}

/** Removes a backup, or says why not. */
export async function removeBackupOf(
  server: RemoteServer,
  name: string,
  tell: Tell,
): Promise<RemoveBackupAnswer> {
  const answer = await ask(server, tell, {
    ...{ label: "remove the backup", verb: "remove-backup", name, timeout: REMOVE_TIMEOUT },
  });
  server.forget();
  return JSON.parse(answer) as RemoveBackupAnswer;
}

/**
 * Streams the bytes of a dump, as the server's disk has them: whoever takes them compares them.
 *
 * @param destination is not ended
 * @param signal ends it
 */
export async function receiveDump(
  server: RemoteServer,
  name: string,
  destination: Writable,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  await ask(server, tell, {
    ...{ label: "fetch the dump", verb: "send-dump", name, timeout: SEND_TIMEOUT },
    ...{ stdout: destination, signal },
  });
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
  { label, verb, name, ...options }: Question,
): Promise<string> {
  await requireInstance(server);
  const { node, updater } = await server.install(tell);
  const { directory } = server.place;
  const request: BackupsRequest | NamedBackupRequest = {
    ...{ protocol: PROTOCOL, directory },
    ...(name === undefined ? {} : { name }),
  };
  const { stdout } = await server.transport.run(label, [node, updater, verb], {
    ...options,
    stdin: JSON.stringify(request),
  });
  return stdout;
}
