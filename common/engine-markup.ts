/**
 * The engine's markup for colours, `<{%bold%}>`: it is read in every text that the engine shows, and one
 * that it doesn't know ends the engine at once, in the middle of an update (panic, measured with 3.250).
 * Changelogs, commits, builds and servers are none that may write it.
 */

import { plainText } from "./text.ts";

/** A text in which nothing is markup. */
export function withoutMarkup(text: string): string {
  return text.replaceAll("<{%", "<{ %");
}

/** A text that the engine shows as it is: nothing in it is markup, and nothing steers the terminal. */
export function shown(text: string): string {
  return withoutMarkup(plainText(text));
}

/** As {@link shown}, for every text in a value; keys too. */
export function shownValue(value: unknown): unknown {
  if (typeof value === "string") return shown(value);
  if (Array.isArray(value)) return value.map(shownValue);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [shown(key), shownValue(member)]),
  );
}

const BOLD = "<{%bold%}>";
const GREEN = "<{%fg 2%}>";
const YELLOW = "<{%fg 3%}>";
const RED = "<{%fg 1%}>";
const END = "<{%reset%}>";

/** What stands out, and how. All of it is said by words alone as well. */
const HIGHLIGHTS: readonly [pattern: RegExp, markup: string][] = [
  [/^(?:DEPLOY|UPDATE|GO BACK|RESTORE|SETTINGS|NOTHING TO DO|READY)(?= |$)/gm, BOLD],
  [/^DONE(?= |$)/gm, GREEN],
  [/^(?:BREAKING|REVERTED|UNTOUCHED|NEEDS YOU)(?= |$)/gm, RED],
  [/\bCHAT IS AWAY\b/g, YELLOW],
  [/\bDATA GO\b|\bMAY NOT BE ENOUGH\b|\bBELOW ONE THAT IS APPLIED\b/g, RED],
];

/** A text of ours with its signal words in colour, which the engine leaves out where it shows none. */
export function highlighted(text: string): string {
  return HIGHLIGHTS.reduce(
    (marked, [pattern, markup]) => marked.replace(pattern, (word) => `${markup}${word}${END}`),
    shown(text),
  );
}
