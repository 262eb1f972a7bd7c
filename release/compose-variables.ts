import { Text, type Value } from "./compose-document.ts";

/** A variable that a compose file takes from `.env`: `${NAME}`, `${NAME:-default}`, `${NAME:?…}`. */
export interface ComposeVariable {
  name: string;
  /** What stands in for it where it isn't set. */
  fallback?: string;
  /** Compose refuses to start without it; this is the reason the file gives (may be empty). */
  required?: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
const OPERATORS = [":-", ":?", ":+", "-", "?", "+"] as const;

interface Reference {
  start: number;
  end: number;
  name: string;
  operator?: (typeof OPERATORS)[number];
  word: string;
}

/** All variables in a text, those inside of defaults too. `$$` is a plain dollar sign. */
export function variablesOf(text: string): ComposeVariable[] {
  return references(text).flatMap((reference) => {
    const variable: ComposeVariable = { name: reference.name };
    if (reference.operator?.endsWith("-") === true) variable.fallback = reference.word;
    if (reference.operator?.endsWith("?") === true) variable.required = reference.word;
    return [variable, ...variablesOf(reference.word)];
  });
}

/** All texts in a part of a compose file, from first to last. */
export function textsIn(value: Value): string[] {
  if (value instanceof Text) return [value.text];
  return [...value.values()].flatMap((member: Value) => textsIn(member));
}

/** The names of all variables in a part of a compose file. */
export function variableNamesIn(value: Value): string[] {
  return textsIn(value)
    .flatMap(variablesOf)
    .map(({ name }) => name);
}

/** The text as Compose sees it where no variable is set: defaults put in, the others left empty. */
export function withDefaults(text: string): string {
  let result = "";
  let at = 0;
  for (const { start, end, operator, word } of references(text)) {
    result += text.slice(at, start).replaceAll("$$", "$");
    if (operator?.endsWith("-") === true) result += withDefaults(word);
    at = end;
  }
  return result + text.slice(at).replaceAll("$$", "$");
}

function references(text: string): Reference[] {
  const found: Reference[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] !== "$") at += 1;
    else if (text[at + 1] === "$") at += 2;
    else {
      const reference = text[at + 1] === "{" ? braced(text, at) : bare(text, at);
      if (reference !== undefined) found.push(reference);
      at = reference?.end ?? at + 1;
    }
  }
  return found;
}

function bare(text: string, start: number): Reference | undefined {
  const name = NAME.exec(text.slice(start + 1))?.[0];
  return name === undefined ? undefined : { start, end: start + 1 + name.length, name, word: "" };
}

function braced(text: string, start: number): Reference | undefined {
  const end = closingBrace(text, start + 2);
  if (end === undefined) return undefined;
  const inside = text.slice(start + 2, end);
  const name = NAME.exec(inside)?.[0];
  if (name === undefined) return undefined;
  const rest = inside.slice(name.length);
  const operator = OPERATORS.find((candidate) => rest.startsWith(candidate));
  const word = operator === undefined ? "" : rest.slice(operator.length);
  return { start, end: end + 1, name, word, ...(operator === undefined ? {} : { operator }) };
}

function closingBrace(text: string, from: number): number | undefined {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith("${", at)) depth += 1;
    else if (text[at] === "}") depth -= 1;
    if (depth === 0) return at;
  }
  return undefined;
}

/** Splits at a separator, but not inside of `${…}`: `${HOST:-::1}:80` has two parts. */
export function splitOutsideVariables(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text.startsWith("${", at)) at = closingBrace(text, at + 2) ?? at;
    else if (text[at] === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}
