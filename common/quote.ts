/**
 * The longest command text in bytes. Linux refuses a single argument of 128 KiB, which would fail
 * as "Argument list too long" without naming what was too long.
 */
const LONGEST_COMMAND = 128 * 1024 - 1;

/** Nothing in these characters means anything to a POSIX shell. */
const PLAIN = /^[A-Za-z0-9_/.,:@%+=-]+$/;

/**
 * One word for a POSIX shell that means exactly this text, whatever it contains.
 *
 * @throws TypeError for a NUL character, which no argument of a program can carry
 */
export function quote(word: string): string {
  if (word.includes("\0")) throw new TypeError("an argument must not contain a NUL character");
  // "a=b" as the first word would be an assignment, so it is quoted as well.
  if (PLAIN.test(word) && !word.includes("=")) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The command text that makes a POSIX shell run exactly this argument vector.
 *
 * @throws TypeError for an empty vector, a NUL character, or more than 128 KiB
 */
export function quoteCommand(argv: readonly string[]): string {
  if (argv.length === 0) throw new TypeError("a command needs at least the name of a program");
  const command = argv.map(quote).join(" ");
  if (Buffer.byteLength(command) > LONGEST_COMMAND) {
    throw new TypeError("a command must be shorter than 128 KiB: pass long values by stdin");
  }
  return command;
}
