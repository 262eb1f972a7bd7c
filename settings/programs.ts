/** Programs of the operator's on this machine, with their arguments. */
import * as z from "zod";

/** The longest argument, in characters, and how many there may be. */
const LONGEST_ARGUMENT = 4_096;
const MOST_ARGUMENTS = 100;

/** A path on this machine that doesn't depend on where Pulumi was started, or a name to look for in PATH. */
const PROGRAM = /^(?:(?:\/|~\/)[^\p{C}]+|[A-Za-z0-9][A-Za-z0-9._+-]*)$/u;

/**
 * A program on this machine and its arguments; text is a program alone. There is no shell that would read
 * them, so that text with spaces, which was meant for one, is refused.
 */
export const program = z.preprocess(
  (value) => {
    if (typeof value === "string") return /\s/.test(value) ? value : [value];
    // As `pulumi config set` and YAML give words that look like something else.
    const isWord = (word: unknown): boolean =>
      typeof word === "boolean" || Number.isSafeInteger(word);
    return Array.isArray(value)
      ? value.map((word: unknown) => (isWord(word) ? String(word) : word))
      : value;
  },
  z.custom<string[]>((value) => Array.isArray(value) && isProgram(value), {
    error:
      "expected a program on this machine by its absolute path, a path beginning with ~/, or its name; with " +
      "arguments as a list, since no shell reads it, " +
      'for example ["/usr/local/bin/announce", "the chat is away soon"]',
  }),
);

function isProgram([file, ...rest]: readonly unknown[]): boolean {
  return (
    typeof file === "string" &&
    PROGRAM.test(file) &&
    rest.length < MOST_ARGUMENTS &&
    [file, ...rest].every(
      (word) => typeof word === "string" && word.length <= LONGEST_ARGUMENT && !word.includes("\0"),
    )
  );
}
