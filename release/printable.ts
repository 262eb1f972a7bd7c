/** The longest line of a repository's text that is shown. */
const LONGEST = 200;

/** A line of text from a repository: it can't steer a terminal, and has an end. */
export function printableLine(text: string): string {
  const line = text
    .replaceAll(/[\t\r\n]+/g, " ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, "?")
    .trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}
