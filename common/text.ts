/** Small matters of wording that many texts share. */

/** `1 commit`, `3 commits`. */
export function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Text of others on one line: nothing in it can steer a terminal or forge a line. */
export function withoutControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, "?");
}
