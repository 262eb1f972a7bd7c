/** What commands tell and ask in a terminal. */
import { createInterface } from "node:readline/promises";
import { UserError } from "../common/errors.ts";
import { plainText } from "../common/text.ts";
import type { ResourceContext } from "../provider/resource.ts";
import { CanceledError } from "./exit-codes.ts";

/** Says something in the terminal; nothing in it can steer it. */
export function show(text: string): void {
  console.log(plainText(text));
}

/** How a command tells what it does; the same as a resource's, but to the terminal. */
export type CommandContext = Omit<ResourceContext, "urn">;

/**
 * Lines go to standard output, warnings to standard error. The first ^C ends the following of a job, which
 * goes on at the server; a second one ends the command at once.
 */
export function terminalContext(): CommandContext {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  const isTerminal = process.stdout.isTTY;
  let shown = 0;
  const line = (stream: NodeJS.WriteStream, text: string): void => {
    if (shown > 0) process.stdout.write(`\r${" ".repeat(shown)}\r`);
    shown = 0;
    stream.write(`${plainText(text)}\n`);
  };
  return {
    tell: (text) => line(process.stdout, text),
    warn: (text) => line(process.stderr, `warning: ${text}`),
    status: (text) => {
      if (!isTerminal) return;
      const status = plainText(text).slice(0, Math.max(0, process.stdout.columns - 1));
      process.stdout.write(`\r${status.padEnd(shown)}`);
      shown = status.length;
    },
    signal: controller.signal,
  };
}

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

/**
 * The answer to a question, without blanks around it.
 *
 * @throws CanceledError at ^C, and where the input ends
 */
export async function ask(
  question: string,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stdout,
): Promise<string> {
  const prompt = createInterface({ input, output });
  // Not every Node lets go of the question then.
  const canceled = new Promise<never>((_resolve, reject) =>
    prompt.once("close", () => reject(new CanceledError("canceled"))),
  );
  canceled.catch(() => undefined);
  try {
    return (await Promise.race([prompt.question(`${question} `), canceled])).trim();
  } catch (error) {
    const isAborted = error instanceof Error && error.name === "AbortError";
    throw isAborted ? new CanceledError("canceled", { cause: error }) : error;
  } finally {
    prompt.close();
  }
}

/** How a person is asked; undefined where there is nobody to ask. */
export type Ask = ((question: string) => Promise<string>) | undefined;

/** What is said where there is nobody to ask. */
export const NOBODY_TO_ASK = 'Nothing was changed: there is no terminal to ask in. Add "--yes".';

/**
 * @param yes that nothing is to be asked
 * @throws UserError where somebody would have to be asked, and there is nobody
 */
export function requirePerson(yes: boolean, question: Ask): void {
  if (!yes && question === undefined) throw new UserError(NOBODY_TO_ASK);
}

/** Whether a person says yes; nobody doesn't. */
export async function agrees(question: Ask, text: string): Promise<boolean> {
  return /^y(es)?$/i.test((await question?.(`${text} [y/N]`)) ?? "");
}
