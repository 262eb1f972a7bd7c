import { isAlias, isMap, isScalar, isSeq, parseDocument, Document, Pair, Scalar } from "yaml";
import { YAMLMap, YAMLSeq, type Alias } from "yaml";
import { UserError, messageOf } from "../common/errors.ts";
import { printableLine } from "./printable.ts";

/**
 * A scalar of a compose file with the way it was written.
 *
 * Compose reads plain scalars by rules of its own (`0444` is octal, `1_000` is a number, `yes` is
 * not). So a plain scalar is carried as its source text and written back as such, never as a number
 * or a boolean of ours.
 */
export class Text {
  constructor(
    readonly text: string,
    readonly style: "plain" | "quoted",
  ) {}
}

/** A mapping of a compose file in the order in which it is written. */
export type Section = Map<string, Value>;
export type Value = Text | Value[] | Section;

/** A string that stays a string whatever it looks like. Variables in it are still interpolated. */
export function quoted(text: string): Text {
  return new Text(text, "quoted");
}

/** A string that arrives as it is: Compose turns `$$` back into `$` and sees no variable. */
export function literal(text: string): Text {
  return quoted(text.replaceAll("$", "$$$$"));
}

/** A word that Compose shall read by its own rules, such as `true`. */
export function plain(text: string): Text {
  return new Text(text, "plain");
}

/** Characters of a compose file. The real one has about 5 KB. */
const MAXIMUM_LENGTH = 128 * 1024;
/** Values after aliases were expanded: a few KB of text can stand for billions ("alias bomb"). */
const MAXIMUM_VALUES = 20_000;
const MAXIMUM_DEPTH = 64;
/** Of services, volumes and the like; they become parts of names of containers. */
const NAME = /^[a-zA-Z0-9._-]+$/;
const TOO_DEEP = `it is nested deeper than ${MAXIMUM_DEPTH} levels`;

/** The text can't be read as a compose file; the caller says what to do. */
class ComposeSyntaxError extends UserError {}

/**
 * Reads a compose file. Aliases and merge keys are expanded, so that a change of one service can't
 * reach another one through a shared anchor; comments are dropped.
 */
export function parseCompose(text: string): Section {
  if (text.length > MAXIMUM_LENGTH) {
    throw unreadable(`it has ${text.length} characters, more than ${MAXIMUM_LENGTH}`);
  }
  // Told before parsing, which takes long where brackets are opened thousands of times.
  if (/(?:[[{]\s*){65}/.test(text)) throw unreadable(TOO_DEEP);
  const root = parse(text);
  const value = new Expansion().expand(root.contents);
  if (!(value instanceof Map)) throw unreadable("it isn't a mapping");
  for (const section of ["services", "volumes", "networks", "secrets", "configs"]) {
    const name = [...sectionOf(value, section).keys()].find((key) => !NAME.test(key));
    if (name === undefined) continue;
    throw unreadable(`${section} has the name ${JSON.stringify(name)}, which Compose doesn't take`);
  }
  return value;
}

function parse(text: string): Document.Parsed {
  let document: Document.Parsed;
  try {
    // The failsafe schema has strings only: nothing is turned into a number and back.
    document = parseDocument(text, { schema: "failsafe", version: "1.2", prettyErrors: true });
  } catch (error) {
    // A text nested thousands of levels deep exhausts the parser's stack.
    throw unreadable(messageOf(error));
  }
  const [first] = document.errors;
  if (first !== undefined) throw unreadable(first.message.split("\n")[0] ?? "");
  return document;
}

function unreadable(cause: string): ComposeSyntaxError {
  return new ComposeSyntaxError(
    `The release's compose file can't be read: ${printableLine(cause).replace(/[.:]$/, "")}. ` +
      "Choose another release, or report this to the people who made it.",
  );
}

class Expansion {
  #values = 0;
  readonly #anchors = new Map<string, unknown>();

  expand(node: unknown, depth = 0): Value {
    this.#values += 1;
    if (this.#values > MAXIMUM_VALUES) {
      throw unreadable(`it has more than ${MAXIMUM_VALUES} values once its aliases are expanded`);
    }
    if (depth > MAXIMUM_DEPTH) throw unreadable(TOO_DEEP);
    if (isAlias(node)) return this.expand(this.#target(node), depth + 1);
    if (node === null || node === undefined) return plain("");
    return this.#expandNode(node, depth);
  }

  #target(alias: Alias): unknown {
    if (!this.#anchors.has(alias.source)) {
      throw unreadable(`the alias *${alias.source} stands before or inside its anchor`);
    }
    return this.#anchors.get(alias.source);
  }

  #expandNode(node: unknown, depth: number): Value {
    if (!isScalar(node) && !isSeq(node) && !isMap(node))
      throw unreadable("it has an unknown value");
    const tag = node.tag;
    if (tag !== undefined && !tag.startsWith("tag:yaml.org,2002:")) {
      throw unreadable(`the tag ${tag} isn't supported`);
    }
    const value = isScalar(node)
      ? scalar(node)
      : isSeq(node)
        ? node.items.map((item) => this.expand(item, depth + 1))
        : this.#mapping(node, depth);
    // Known only from here on, so that no alias can contain itself.
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    return value;
  }

  #mapping(node: YAMLMap, depth: number): Section {
    const own: Section = new Map();
    const explicit = new Set<string>();
    for (const { key, value } of node.items) {
      const name = this.expand(key, depth + 1);
      if (!(name instanceof Text)) throw unreadable("a mapping has a key that isn't a word");
      const expanded = this.expand(value, depth + 1);
      if (name.text === "<<" && name.style === "plain") {
        mergeInto(own, expanded, explicit);
        continue;
      }
      own.set(name.text, expanded);
      explicit.add(name.text);
    }
    return own;
  }
}

/** A merge key adds what the mapping doesn't say itself; of several, the first one named wins. */
function mergeInto(own: Section, merged: Value, explicit: ReadonlySet<string>): void {
  const sources = Array.isArray(merged) ? merged : [merged];
  for (const source of sources) {
    if (!(source instanceof Map)) throw unreadable("a merge key (<<) doesn't name a mapping");
    for (const [name, value] of source) {
      if (!explicit.has(name) && !own.has(name)) own.set(name, value);
    }
  }
}

function scalar(node: Scalar): Text {
  const text = typeof node.value === "string" ? node.value : "";
  const isPlain = node.type === Scalar.PLAIN && node.tag !== "tag:yaml.org,2002:str";
  // A plain scalar over several lines can only be a string.
  return new Text(text, isPlain && !text.includes("\n") ? "plain" : "quoted");
}

/** Writes a compose file: block style, strings in double quotes, plain scalars as they were. */
export function writeCompose(root: Section, comment: string): string {
  const document = new Document(null, { schema: "failsafe", version: "1.2" });
  document.contents = toNode(root);
  document.commentBefore = comment;
  return document.toString({ lineWidth: 0, indentSeq: true });
}

/** Words that are no key in every YAML reader unless they are quoted. */
const PLAIN_KEY = /^(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z_][A-Za-z0-9_.-]*$/i;

function toNode(value: Value): YAMLMap | YAMLSeq | Scalar {
  if (value instanceof Text) {
    // An empty plain scalar is YAML's null; the word leaves no doubt.
    const node = new Scalar(value.style === "plain" && value.text === "" ? "null" : value.text);
    node.type = value.style === "plain" ? Scalar.PLAIN : Scalar.QUOTE_DOUBLE;
    return node;
  }
  if (Array.isArray(value)) {
    const list = new YAMLSeq();
    list.items = value.map(toNode);
    return list;
  }
  const mapping = new YAMLMap();
  for (const [name, member] of value) {
    const key = new Scalar(name);
    key.type = PLAIN_KEY.test(name) ? Scalar.PLAIN : Scalar.QUOTE_DOUBLE;
    mapping.items.push(new Pair(key, toNode(member)));
  }
  return mapping;
}

/** The mapping under a key; an empty one where the key is absent, null, or something else. */
export function sectionOf(parent: Section | undefined, key: string): Section {
  const value = parent?.get(key);
  return value instanceof Map ? value : new Map<string, Value>();
}

/** The list under a key; an empty one where the key is absent, null, or something else. */
export function listOf(parent: Section | undefined, key: string): Value[] {
  const value = parent?.get(key);
  return Array.isArray(value) ? value : [];
}

/** The text under a key, if it is one. An empty plain scalar (null) counts as absent. */
export function textOf(parent: Section | undefined, key: string): string | undefined {
  const value = parent?.get(key);
  if (!(value instanceof Text)) return undefined;
  return value.style === "plain" && value.text === "" ? undefined : value.text;
}

/**
 * A member that Compose lets people write as a mapping or as a list of `NAME=value` (environment,
 * labels, build arguments), as a mapping. `NAME` alone has no value (null).
 */
export function assignmentsOf(parent: Section | undefined, key: string): Section {
  const value = parent?.get(key);
  if (value instanceof Map) return new Map(value);
  const assignments: Section = new Map();
  for (const item of Array.isArray(value) ? value : []) {
    if (!(item instanceof Text)) continue;
    const at = item.text.indexOf("=");
    if (at < 0) assignments.set(item.text, plain(""));
    else assignments.set(item.text.slice(0, at), quoted(item.text.slice(at + 1)));
  }
  return assignments;
}
