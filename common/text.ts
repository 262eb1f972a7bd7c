/** Small matters of wording that many texts share. */

/** `1 commit`, `3 commits`. */
export function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Text of others on one line: nothing in it can steer a terminal or forge a line. */
export function withoutControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, "?");
}

const ESCAPE_SEQUENCES =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;

/** Without the line feed and the tab; with the marks that turn the direction of writing. */
const CONTROL_CHARACTERS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text of others with its lines, but without colours and other control characters: showing it can't move a
 * cursor, forge a line or hide one, or let it be read in another order. Line feeds and tabs stay.
 */
export function plainText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(ESCAPE_SEQUENCES, "")
    .replace(CONTROL_CHARACTERS, "");
}
