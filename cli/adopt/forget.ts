/** `chatalot forget`: the server goes on without this tool. */
import { UserError } from "../../common/errors.ts";
import { forgetOn } from "../../provider/server/server-adoption.ts";
import { serverOfStack } from "../stack.ts";
import { agrees, ask, type Ask, canAsk, type CommandContext, requirePerson } from "../terminal.ts";

export async function forget(
  stack: string | undefined,
  { yes = false }: { yes?: boolean },
  { tell }: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<"done" | "declined"> {
  requirePerson(yes, question);
  const server = await serverOfStack(stack);
  const { directory } = server.place;
  tell(
    `FORGET     the chat in ${directory} on ${server.target}\n` +
      "Goes on    all that runs, with its data\n" +
      "Ends       this tool's timers: backups by the clock, alerts\n" +
      "Deleted    nothing",
  );
  if (!yes && !(await agrees(question, "\nLet it go?"))) return "declined";
  const answer = await forgetOn(server, tell);
  if (answer.answer === "refused")
    throw new UserError(`${answer.reasons.join("\n")}\nNothing was changed.`);
  tell(`FORGOTTEN What this tool knew of it is kept in ${answer.kept}.`);
  for (const name of answer.restored) tell(`Your ${name} has its name again.`);
  tell(
    `docker compose works in ${directory} as it is. Take the stack away as well: pulumi stack rm --force\n` +
      "(not pulumi destroy, which would stop the chat).",
  );
  return "done";
}
