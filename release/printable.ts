import { withoutControls } from "../common/text.ts";

/** The longest line of a repository's text that is shown. */
const LONGEST = 200;

/** A line of text from a repository: it can't steer a terminal, and has an end. */
export function printableLine(text: string): string {
  const line = withoutControls(text.replaceAll(/[\t\r\n]+/g, " ")).trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}
