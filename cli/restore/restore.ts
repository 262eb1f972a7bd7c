/**
 * `chatalot restore`: a whole instance from one backup. The release, database and uploads of then serve
 * again, on the server that has the backup or on an empty one that it is brought to.
 */
import { UserError } from "../../common/errors.ts";
import { describeBytes } from "../../common/size.ts";
import { historyOf } from "../../provider/server/server-history.ts";
import { refuseAnswer } from "../../provider/server/answers.ts";
import { offerBackupTo, sendBackupTo } from "../../provider/server/server-backups.ts";
import type { RemoteServer } from "../../provider/server/remote-server.ts";
import { pinned } from "../../release/reference.ts";
import type { BackupManifest } from "../../updater/backups.ts";
import { checkName, namedBackup, readStackBackups } from "../backup/list.ts";
import { UsageError } from "../exit-codes.ts";
import { type Agreement, type ChangeResult, changeStack } from "../run/change.ts";
import { withEarlier } from "../run/stack-file.ts";
import { serverOfStack } from "../stack.ts";
import { agrees, ask, type Ask, canAsk, type CommandContext, requirePerson } from "../terminal.ts";
import { contentOf, type LocalBackup, readLocalBackup } from "./folder.ts";
import { planText } from "./plan.ts";

export interface RestoreOptions {
  /** A folder of this machine that `backup fetch` made; it is brought to the server. */
  from?: string;
  /** Asks nothing; the preview is shown all the same, and stops what can't work. */
  yes?: boolean;
}

/** What is restored, and where to. */
export interface Restore {
  server: RemoteServer;
  name: string;
  manifest: BackupManifest;
  /** Absent: the server has it. */
  local?: LocalBackup;
}

/**
 * @param name of a backup that the server has
 * @throws UserError where it can't be done; what serves was not touched then
 */
export async function restore(
  stack: string | undefined,
  name: string | undefined,
  options: RestoreOptions,
  context: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<ChangeResult> {
  const { from, yes = false } = options;
  if ((name === undefined) === (from === undefined))
    throw new UsageError(
      "What to restore is not known: give the name of a backup on the server (npx chatalot backup list), or " +
        '"--from" with a folder that backup fetch made.',
    );
  requirePerson(yes, question);
  const wanted =
    from === undefined
      ? await onServer(stack, name ?? "", context)
      : await inFolder(stack, from, context);
  const state = await wanted.server.state();
  const serving = state.serving?.release;
  const plan = {
    ...{ name: wanted.name, manifest: wanted.manifest, serving, from: wanted.local?.folder },
    target: wanted.server.target,
    loss:
      serving === undefined || wanted.local !== undefined
        ? undefined
        : (await historyOf(wanted.server, context.tell, wanted.name)).loss,
  };
  for (const line of planText(plan)) context.tell(line);
  context.tell("");
  if (wanted.local !== undefined) {
    const isAgreed = yes || (await agrees(question, "Bring it to the server?"));
    if (!isAgreed) return "declined";
    await bring(wanted.server, wanted.local, context);
  }
  return run(stack, wanted, state.serving?.sequence ?? 0, { yes, question }, context);
}

async function onServer(
  stack: string | undefined,
  name: string,
  context: CommandContext,
): Promise<Restore> {
  checkName(name);
  const found = await readStackBackups(stack, context.tell);
  const { manifest } = namedBackup(found, name);
  if (manifest.damage !== undefined)
    throw new UserError(
      `The backup ${name} can't be restored: it is damaged, found ${manifest.damage.foundAt}: ` +
        `${manifest.damage.what}. Nothing was changed. Choose another one: npx chatalot backup list`,
    );
  return { server: found.server, name, manifest };
}

async function inFolder(
  stack: string | undefined,
  from: string,
  context: CommandContext,
): Promise<Restore> {
  context.status(`comparing ${from} with its manifest`);
  const local = await readLocalBackup(from);
  const server = await serverOfStack(stack);
  refuseAnswer(await offerBackupTo(server, local, context.tell));
  return { server, name: local.name, manifest: local.manifest, local };
}

/** What is there already is not sent again. */
export async function bring(
  server: RemoteServer,
  local: LocalBackup,
  { tell, status, signal }: CommandContext,
): Promise<void> {
  const { dump, files } = local.manifest;
  status(`sending ${describeBytes(dump.size + (files?.size ?? 0))} to ${server.target}`);
  const answer = await offerBackupTo(server, local, tell);
  if (answer.answer === "wanted")
    refuseAnswer(await sendBackupTo(server, local, contentOf(local), tell, signal));
  else refuseAnswer(answer);
  server.forget();
  tell(`The backup ${local.name} is on ${server.target}, as it was written.`);
}

/**
 * By pulumi, as every change: what was restored is what the stack has then.
 *
 * @param job the one that serves on that server; 0: none
 * @param agreement undefined: it was agreed to before, and no preview is shown
 * @param edit what else becomes different in the stack file
 */
export function run(
  stack: string | undefined,
  { server, name, manifest }: Restore,
  job: number,
  agreement: Agreement | undefined,
  context: CommandContext,
  edit = (text: string): string => text,
): Promise<ChangeResult> {
  const { release } = manifest;
  const change = {
    ...{ name: "restore", question: "Restore?" },
    edit: (text: string) =>
      withEarlier(
        edit(text),
        { release: pinned(release) },
        { database: "backup", job, backup: name },
      ),
    aim: {
      ...{ server, commit: release.commit, before: job, onlyForThisRun: "rollback" },
      // Of a server that is new, or was made anew, the state knows what isn't there.
      refreshes: job === 0,
      underWay:
        "The restore may go on at the server. Follow it: pulumi up. When it is done: pulumi config rm rollback",
      served: "names the release that serves now. If it is kept in git, commit it.",
      lookAt: '"release" and "rollback"',
    },
  };
  return changeStack(stack, change, agreement, context);
}
