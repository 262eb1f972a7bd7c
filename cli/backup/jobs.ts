/** `npx chatalot backup take` and `check`: jobs on the server, which go on without this side. */
import { UserError } from "../../common/errors.ts";
import { type Afterwards, followWithProgress, requester, submit } from "../../provider/place.ts";
import { refuseAnswer } from "../../provider/server/answers.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { backupsOf, requireInstance } from "../../provider/server/server-backups.ts";
import { type BackupRequest, type CheckBackupsRequest, PROTOCOL } from "../../updater/protocol.ts";
import { serverOfStack, settingsOfStack } from "../stack.ts";
import type { CommandContext } from "../terminal.ts";
import { checkName } from "./list.ts";

/** Where a backup may go on without this command. */
const BACKUP = {
  what: "backup",
  look: "See whether it is there: npx chatalot backup list. Stop it: npx chatalot abort.",
};

/**
 * Dumps the database and proves the dump, and copies uploads, configuration and keys, while the chat serves.
 *
 * @throws UserError where it is refused, or not taken and proven
 */
export async function takeBackup(
  stack: string | undefined,
  context: CommandContext,
): Promise<void> {
  const { settings, place } = await settingsOfStack(stack);
  const wanted = { kind: "backup" as const, files: settings.includeFiles };
  await runJob(RemoteServer.at(place), wanted, BACKUP, context);
}

/**
 * Proves backups anew.
 *
 * @param name of one; undefined: all of them
 * @throws UserError where it is refused, or where one of them is not good
 */
export async function checkBackups(
  stack: string | undefined,
  name: string | undefined,
  context: CommandContext,
): Promise<void> {
  if (name !== undefined) checkName(name);
  const afterwards = {
    what: "check",
    look: "See what it finds: npx chatalot logs --job. Stop it: npx chatalot abort.",
  };
  const wanted = {
    ...{ kind: "check-backups" as const },
    ...(name === undefined ? {} : { backups: [name] }),
  };
  await runJob(await serverOfStack(stack), wanted, afterwards, context);
}

/**
 * A backup with all that the chat has, whatever the stack's settings say of uploads.
 *
 * @returns its name
 */
export async function takeWholeBackup(
  server: RemoteServer,
  context: CommandContext,
): Promise<string> {
  const sequence = await runJob(server, { kind: "backup", files: true }, BACKUP, context);
  const { backups } = await backupsOf(server, context.tell);
  const taken = backups.find(({ manifest }) => manifest.sequence === sequence);
  if (taken === undefined) throw new Error(`the backup of job ${sequence} is not in the list`);
  return taken.name;
}

/** @returns the job's number */
async function runJob(
  server: RemoteServer,
  wanted: Pick<BackupRequest, "kind" | "files"> | Pick<CheckBackupsRequest, "kind" | "backups">,
  afterwards: Afterwards,
  context: CommandContext,
): Promise<number> {
  await requireInstance(server);
  const { directory, project, volumes } = server.place;
  const answer = await submit(
    context,
    server,
    {
      ...{ protocol: PROTOCOL, directory, project, volumes },
      ...{ requestedBy: requester(), ...wanted },
    },
    afterwards,
  );
  refuseAnswer(answer);
  if (answer.answer === "unchanged") throw new Error('unexpected answer "unchanged"');
  const { sequence } = answer;
  if (answer.answer === "attached")
    context.tell(`following job ${sequence}, which does the same and is under way`);
  const verdict = await followWithProgress(context, server, sequence, 0, afterwards);
  if (verdict.outcome !== "done") throw new UserError(verdict.text);
  context.tell(verdict.text);
  return sequence;
}
