/** Values that mean something to a shell, to ssh, to ssh_config or to a terminal. */
export const HOSTILE_VALUES: readonly string[] = [
  ";touch PWNED",
  "a;touch PWNED",
  "$(touch PWNED)",
  "`touch PWNED`",
  "a && touch PWNED",
  "a | touch PWNED",
  "a\ntouch PWNED",
  "a\r\ntouch PWNED",
  "a\0b",
  "'",
  '"',
  "'; touch PWNED; '",
  '"; touch PWNED; "',
  "\\",
  "\\'",
  "a\\",
  "$HOME",
  "${IFS}",
  "${HOME}",
  "%h",
  "%%",
  "-oProxyCommand=touch PWNED",
  "--",
  "-v",
  " leading",
  "trailing ",
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
  "&",
  "<a",
  ">a",
  "(a)",
  "a=b",
  "ä",
  "\u202Eabc",
  "\u001b[31mred",
  "\u0007",
  "日本",
  "😀",
  "x".repeat(1_000_000),
];

const ALPHABET = [..."abz09 \t\n\r'\"\\$`;&|<>(){}[]*?!#~=%-@:/.,^+äß日😀\u0001\u007f"];

/** Up to 40 characters, most of which mean something to a shell. */
export function randomText(): string {
  const length = Math.floor(Math.random() * 40);
  const pick = (): string => ALPHABET[Math.floor(Math.random() * ALPHABET.length)] ?? "";
  return Array.from({ length }, pick).join("");
}
