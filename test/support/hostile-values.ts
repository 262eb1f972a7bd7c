/**
 * Values that mean something to a shell, to ssh, git, Docker, Compose, SQL, systemd, Pulumi's engine or a
 * terminal; and a look whether one of them was ever run: each that could be a command makes a file PWNED.
 */
import { readdir } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

export const HOSTILE_VALUES: readonly string[] = [
  ";touch PWNED",
  "a;touch PWNED",
  "$(touch PWNED)",
  "`touch PWNED`",
  "a && touch PWNED",
  "a | touch PWNED",
  "a\ntouch PWNED",
  "a\r\ntouch PWNED",
  "a\nPWNED=1",
  "a\rb",
  "a\0b",
  "'",
  '"',
  "'; touch PWNED; '",
  '"; touch PWNED; "',
  "\\",
  "\\'",
  "a\\",
  "\\! touch PWNED",
  "$HOME",
  "$$",
  "$",
  "${IFS}",
  "${HOME}",
  "${PWNED:-x}",
  "${PWNED:?x}",
  "%",
  "%h",
  "%%",
  "%0a",
  "-oProxyCommand=touch PWNED",
  "--upload-pack=touch PWNED",
  "ext::sh -c touch% PWNED",
  "--",
  "-",
  "-v",
  " leading",
  "trailing ",
  " ",
  "a b",
  "a\tb",
  "*",
  "?",
  "[a-z]",
  "{a,b}",
  "~",
  "~root",
  "!!",
  "#",
  "a#b",
  "a: b",
  "!!js/function",
  "&",
  "*a",
  "<a",
  ">a",
  "<script>touch(PWNED)</script>",
  "(a)",
  "a=b",
  "ä",
  "e\u0301",
  "\u202Eabc",
  "\u2066abc\u2069",
  "a\u200bb",
  "\u2028a",
  "\u001b[31mred",
  "\u001b]0;PWNED\u0007",
  "\u009b31m",
  "\u0007",
  "日本",
  "😀",
  "<{%x%}>",
  "<{%reset%}>",
  "../PWNED",
  "../../../../tmp/PWNED",
  "/tmp/PWNED",
  "/etc/passwd",
  "..",
  ".",
  "@{-1}",
  "refs/heads/main",
  "__proto__",
  "constructor",
  "toString",
  "'; DROP TABLE users; --",
  "x".repeat(1_000_000),
];

const ALPHABET = [..."abz09 \t\n\r'\"\\$`;&|<>(){}[]*?!#~=%-@:/.,^+äß日😀\u0001\u007f"];

/** Up to 40 characters, most of which mean something to a shell. */
export function randomText(): string {
  const length = Math.floor(Math.random() * 40);
  const pick = (): string => ALPHABET[Math.floor(Math.random() * ALPHABET.length)] ?? "";
  return Array.from({ length }, pick).join("");
}

/** One of each kind, for tables with many places. */
export const HOSTILE_KINDS: readonly string[] = [
  "a;touch PWNED",
  "$(touch PWNED)",
  "`touch PWNED`",
  "'; touch PWNED; '",
  '"; touch PWNED; "',
  "a\ntouch PWNED",
  "a\rb",
  "a\0b",
  "%h",
  "-oProxyCommand=touch PWNED",
  " a b ",
  "*",
  "a\u202Eb",
  "e\u0301",
  "\u001b[31mred",
  "\u009b31m",
  "<{%x%}>",
  "../../PWNED",
  "/tmp/PWNED",
  "__proto__",
  "x".repeat(1_000_000),
];

/** What a terminal would obey, or show in another order; line feeds and tabs are not of it. */
export const STEERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** A short name of a value, for the title or the message of a test. */
export function named(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text;
}

/** Where a value that was run would have made its file, and how deep that is looked for. */
const PLACES: readonly [folder: string, depth: number][] = [
  [process.cwd(), 1],
  [tmpdir(), 3],
  ["/tmp", 3],
  [homedir(), 1],
  ["/", 1],
  ["/srv", 2],
];

/** Files called PWNED. */
export async function filesOfExecution(places = PLACES): Promise<string[]> {
  const found = new Set<string>();
  for (const [folder, depth] of places)
    for (const path of await below(folder, depth)) found.add(path);
  return [...found];
}

async function below(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const inner = entries.filter((entry) => depth > 1 && entry.isDirectory());
  return [
    ...entries.filter(({ name }) => name.startsWith("PWNED")).map(({ name }) => join(folder, name)),
    ...(await Promise.all(inner.map(({ name }) => below(join(folder, name), depth - 1)))).flat(),
  ];
}

/** Fails a suite after which there is a file that only a value that was run can have made. */
export function guardAgainstExecution(): void {
  const known = new Set<string>();
  before(async () => {
    for (const path of await filesOfExecution()) known.add(path);
  });
  after(async () => {
    const made = (await filesOfExecution()).filter((path) => !known.has(path));
    expect(made, "a hostile value was run").to.deep.equal([]);
  });
}
