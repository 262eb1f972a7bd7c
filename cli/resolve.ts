/**
 * `npx chatalot resolve`: after a job that could neither finish nor go back, shows what there is and the
 * ways out, and goes one of them.
 */
import { UserError } from "../common/errors.ts";
import { followWithProgress, requester } from "../provider/place.ts";
import type { RemoteServer } from "../provider/server/remote-server.ts";
import type { Predicament } from "../updater/protocol.ts";
import { UsageError } from "./exit-codes.ts";
import { canTakeBack, predicamentText } from "./predicament.ts";
import { serverOfStack } from "./stack.ts";
import { agrees, ask, type Ask, canAsk, type CommandContext, NOBODY_TO_ASK } from "./terminal.ts";
import { resolveOn } from "../provider/server/server-jobs.ts";

export interface ResolveOptions {
  /** Lets jobs begin again. */
  clear?: boolean;
  /** Has the way back of the failed job tried once more. */
  takeBack?: boolean;
  /** Asks nothing. */
  yes?: boolean;
}

/** How it stands with the instance afterwards. */
export type Resolution = "done" | "nothing-to-do" | "needs-operator";

export async function resolve(
  stack: string | undefined,
  options: ResolveOptions,
  context: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<Resolution> {
  if (options.clear === true && options.takeBack === true)
    throw new UsageError(
      'What to do is not clear: "--clear" and "--take-back" were both given. Give one of them.',
    );
  const server = await serverOfStack(stack);
  const shown = await resolveOn(server, "show", requester(), context.tell);
  if (shown.answer === "nothing") {
    context.tell(`Nothing needs you on ${server.target}.`);
    return "nothing-to-do";
  }
  if (shown.answer !== "shown") throw refused(shown);
  const { predicament } = shown;
  for (const line of predicamentText(predicament, server.target)) context.tell(line);
  const action = await chosen(options, predicament, question);
  if (action === "clear") return clear(server, context);
  if (action === "take-back") return takeBack(server, context);
  if (question === undefined && (options.clear === true || options.takeBack === true))
    context.tell(`\n${NOBODY_TO_ASK}`);
  return "needs-operator";
}

async function chosen(
  { clear, takeBack, yes }: ResolveOptions,
  predicament: Predicament,
  question: Ask,
): Promise<"clear" | "take-back" | undefined> {
  const asked =
    takeBack === true
      ? "take-back"
      : clear === true
        ? "clear"
        : await choice(predicament, question);
  if (asked === undefined || yes === true) return asked;
  const text =
    asked === "clear"
      ? "\nLet jobs begin again, as things are now?"
      : "\nTake the server back to what served before? Messages written since then are set aside.";
  return (await agrees(question, text)) ? asked : undefined;
}

async function choice(
  predicament: Predicament,
  question: Ask,
): Promise<"clear" | "take-back" | undefined> {
  if (question === undefined) return undefined;
  const back = canTakeBack(predicament) ? "[t]ake back, " : "";
  const answer = await question(`\nWhat now? ${back}[c]lear the marker, [n]othing:`);
  if (/^t/i.test(answer) && back !== "") return "take-back";
  return /^c/i.test(answer) ? "clear" : undefined;
}

async function clear(server: RemoteServer, context: CommandContext): Promise<Resolution> {
  const answer = await resolveOn(server, "clear", requester(), context.tell);
  if (answer.answer === "refused") throw refused(answer);
  context.tell(
    "\nCleared: jobs are accepted again. Nothing else was changed; the chat is as it was. Now: pulumi up",
  );
  return "done";
}

async function takeBack(server: RemoteServer, context: CommandContext): Promise<Resolution> {
  const answer = await resolveOn(server, "take-back", requester(), context.tell);
  // Somebody else was quicker.
  if (answer.answer === "nothing") return "nothing-to-do";
  if (answer.answer !== "reopened") throw refused(answer);
  const { sequence, offset } = answer;
  context.tell(`\nThe way back of job ${sequence} is tried once more.`);
  const verdict = await followWithProgress(context, server, sequence, offset);
  context.tell(verdict.text);
  return verdict.outcome === "needs-operator" ? "needs-operator" : "done";
}

function refused(answer: { answer: string; reasons?: string[] }): Error {
  return answer.reasons === undefined
    ? new Error(`unexpected answer ${JSON.stringify(answer.answer)}`)
    : new UserError(answer.reasons.join("\n"));
}
