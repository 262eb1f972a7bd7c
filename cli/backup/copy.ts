/** `npx chatalot backup copy`: the copies at the other place, made now and not by the clock. */
import { refuseAnswer } from "../../provider/server/answers.ts";
import { copyBackupsOf } from "../../provider/server/server-backups.ts";
import { serverOfStack } from "../stack.ts";
import type { CommandContext } from "../terminal.ts";

export async function copyNow(
  stack: string | undefined,
  { tell, status, signal }: CommandContext,
): Promise<void> {
  const server = await serverOfStack(stack);
  status("copying what is not there yet");
  const answer = await copyBackupsOf(server, tell, signal);
  refuseAnswer(answer);
  const { to, names, count } = answer;
  tell(
    names.length === 0
      ? `Nothing to copy: ${to} has all ${count} already.`
      : `COPIED ${names.join(", ")} to ${to}, which has ${count} now.`,
  );
}
