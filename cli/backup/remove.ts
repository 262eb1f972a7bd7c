/** `npx chatalot backup remove`: takes one backup away, for good. */
import { UserError } from "../../common/errors.ts";
import { describeBytes } from "../../common/size.ts";
import { refuseAnswer } from "../../provider/server/answers.ts";
import { removeBackupOf } from "../../provider/server/server-backups.ts";
import { backupSummary } from "../../updater/backups.ts";
import { isLastProven } from "../../updater/retention.ts";
import { lastProvenText, releaseText } from "../../updater/texts.ts";
import { agrees, ask, type Ask, canAsk, type CommandContext, requirePerson } from "../terminal.ts";
import { checkName, namedBackup, readStackBackups } from "./list.ts";

/**
 * @param yes asks nothing
 * @returns whether it was removed; false: the person did not want it
 * @throws UserError where it is refused
 */
export async function removeBackup(
  stack: string | undefined,
  name: string,
  { yes = false }: { yes?: boolean },
  context: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<boolean> {
  checkName(name);
  const found = await readStackBackups(stack, context.tell);
  const { manifest } = namedBackup(found, name);
  // The server refuses it as well; a person need not be asked for it.
  if (isLastProven(found.backups.map(backupSummary), name))
    throw new UserError(lastProvenText(name));
  requirePerson(yes, question);
  if (!yes) {
    const { release, dump, proof } = manifest;
    context.tell(
      `Backup ${name} of ${releaseText(release)}, taken ${manifest.takenAt}, ${describeBytes(dump.size)}, ` +
        `${proof === undefined ? "not proven" : `proven ${proof.restoredAt}`}. Nothing brings it back.`,
    );
    if (!(await agrees(question, "Remove it?"))) return false;
  }
  const answer = await removeBackupOf(found.server, name, context.tell);
  refuseAnswer(answer);
  context.tell(`REMOVED Backup ${name}.`);
  return true;
}
