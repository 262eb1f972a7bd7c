/** How the `chatalot` command ends: the exit code of each result and of each failure. */
import { CommanderError } from "commander";
import { messageOf, UserError } from "../common/errors.ts";
import { TransportError } from "../transport/index.ts";

const FAILED = 1;
const WRONG_USAGE = 2;
/** As a shell has it for a program that ^C ended. */
const CANCELED = 130;

/** By what a command came to. */
const CODES = {
  done: 0,
  /** It is this stack's; a later run may restart it. */
  adopted: 0,
  previewed: 0,
  /** What served before serves, or nothing was touched. */
  failed: FAILED,
  /** Its end is not known yet. */
  "under-way": FAILED,
  "nothing-to-do": 3,
  declined: 3,
  /** A job could neither finish nor go back. */
  "needs-operator": 4,
} as const;

/** What a command came to. */
export type Result = keyof typeof CODES;

/** Sets the exit code of this process. */
export function setExitCode(result: Result): void {
  process.exitCode = CODES[result];
}

/** Arguments that are wrong, missing, or exclude each other. */
export class UsageError extends UserError {}

/** The operator pressed ^C at a question, or closed the terminal. */
export class CanceledError extends Error {
  override readonly name = "CanceledError";
}

/** What is said of an error that ended a command, and its exit code; only a bug is told with its stack. */
export function endOfError(error: unknown): { code: number; text: string } {
  // What commander has to say it has said.
  if (error instanceof CommanderError)
    return { code: error.exitCode === 0 ? 0 : WRONG_USAGE, text: "" };
  if (error instanceof CanceledError)
    return { code: CANCELED, text: "\nEnded: what was asked is not done." };
  if (error instanceof UsageError) return { code: WRONG_USAGE, text: error.message };
  const isExpected = error instanceof UserError || error instanceof TransportError;
  const isBug = !isExpected && error instanceof Error;
  return { code: FAILED, text: isBug ? (error.stack ?? error.message) : messageOf(error) };
}
