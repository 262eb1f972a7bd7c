/** HTML whose text can't become more than text: what is put into it is escaped, but for HTML made here. */
export class Html {
  constructor(readonly text: string) {}
}

const ESCAPED: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

type Part = Html | string | number | readonly Part[] | undefined;

/** The tag of templates of HTML. Parts that are undefined leave nothing. */
export function markup(texts: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(
    texts.map((text, at) => text + (at < parts.length ? textOf(parts[at]) : "")).join(""),
  );
}

function textOf(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string" || typeof part === "number") return escape(String(part));
  return part.map(textOf).join("");
}

function escape(text: string): string {
  // Control characters, and those that change the direction of what follows, have no place on a page.
  return text
    .replace(/[\p{Cc}\p{Cf}]/gu, (character) => (character === "\n" ? "\n" : "\u{FFFD}"))
    .replace(/[&<>"']/g, (character) => ESCAPED[character] ?? "");
}
