/**
 * The reference in options.md, made from the doc comments of the settings: `npm run docs:options` writes it, and
 * a test fails where it is out of date.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import ts from "typescript";

const SCHEMA = new URL("../settings/schema.ts", import.meta.url);
const SHAPES = new URL("../settings/shapes.ts", import.meta.url);
const CARE_SHAPES = new URL("../settings/care-shapes.ts", import.meta.url);
const ADDRESS = new URL("../transport/address.ts", import.meta.url);
const SETTINGS = new URL("../settings/parse.ts", import.meta.url);
const OPTIONS = new URL("options.md", import.meta.url);

/** What is no part of the schema, because its keys are Chatalot's own. */
const ENVIRONMENTS = ["env", "secretEnv"];

const BEGIN = "<!-- made by npm run docs:options: begin -->";
const END = "<!-- end -->";

/** A key of the configuration as its doc comment describes it. */
export interface DocumentedKey {
  key: string;
  text: string;
  default?: string;
  example?: string;
}

/** All keys that the schema declares, in its order. */
export async function documentedKeys(): Promise<DocumentedKey[]> {
  const [schema, settings, ...shapes] = await Promise.all(
    [SCHEMA, SETTINGS, ADDRESS, SHAPES, CARE_SHAPES].map(parseSource),
  );
  if (schema === undefined || settings === undefined) throw new Error("the sources are missing");
  const objects = new Map([...shapes, schema].flatMap((source) => [...objectsOf(source)]));
  const top = objects.get("settingsSchema");
  if (top === undefined) throw new Error("schema.ts has no settingsSchema");
  return [...keysOf(top, "", objects), ...environments(settings)];
}

/** The members of the interface `Settings` that hold variables. */
function environments(source: ts.SourceFile): DocumentedKey[] {
  const declared = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === "Settings");
  return ENVIRONMENTS.map((key) => {
    const member = declared?.members.find(({ name }) => name?.getText() === key);
    if (member === undefined) throw new Error(`nothing is known of ${key}`);
    return documented(member, `${key}.<NAME>`);
  });
}

/** options.md with the reference as it has to be. */
export async function optionsPage(current: string, keys: DocumentedKey[]): Promise<string> {
  const sections = new Map<string, DocumentedKey[]>();
  for (const found of keys) {
    const [section = ""] = found.key.includes(".") ? found.key.split(".") : [];
    sections.set(section, [...(sections.get(section) ?? []), found]);
  }
  const parts = [...sections].flatMap(([section, members]) => [
    section === "" ? "### Of one value each" : `### \`${section}\``,
    members.map(entry).join("\n"),
  ]);
  return withPart(current, parts.join("\n\n"));
}

/** A page whose generated part is this one, formatted as this repository's pages are. */
async function withPart(current: string, part: string): Promise<string> {
  const [begin, end] = [current.indexOf(BEGIN), current.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page lacks "${BEGIN}" or "${END}"`);
  const page = `${current.slice(0, begin)}${BEGIN}\n\n${part}\n\n${current.slice(end)}`;
  const config = await resolveConfig(fileURLToPath(OPTIONS));
  return format(page, { ...config, parser: "markdown" });
}

function entry({ key, text, default: value, example }: DocumentedKey): string {
  return [
    `- **\`${key}\`**: ${text}`,
    ...(value === undefined ? [] : [`Default: ${sentence(value)}`]),
    ...(example === undefined ? [] : [`Example: \`${example}\``]),
  ].join(" ");
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

async function parseSource(url: URL): Promise<ts.SourceFile> {
  const text = await readFile(url, "utf8");
  return ts.createSourceFile(fileURLToPath(url), text, ts.ScriptTarget.Latest, true);
}

/** The object of each top-level constant, whatever functions it is wrapped in. */
function objectsOf(source: ts.SourceFile): [string, ts.ObjectLiteralExpression][] {
  return source.statements.filter(ts.isVariableStatement).flatMap((statement) =>
    statement.declarationList.declarations.flatMap(({ name, initializer }) => {
      let value = initializer;
      while (value !== undefined && ts.isCallExpression(value)) value = value.arguments[0];
      return value !== undefined && ts.isObjectLiteralExpression(value) && ts.isIdentifier(name)
        ? [[name.text, value] as [string, ts.ObjectLiteralExpression]]
        : [];
    }),
  );
}

function keysOf(
  object: ts.ObjectLiteralExpression,
  prefix: string,
  objects: ReadonlyMap<string, ts.ObjectLiteralExpression>,
): DocumentedKey[] {
  const keys = new Map<string, DocumentedKey[]>();
  for (const property of object.properties) {
    if (ts.isSpreadAssignment(property)) {
      const spread = objects.get(property.expression.getText());
      if (spread === undefined) throw new Error(`nothing is known of ${property.getText()}`);
      for (const key of keysOf(spread, prefix, objects)) keys.set(key.key, [key]);
      continue;
    }
    const name = property.name?.getText() ?? "";
    const key = `${prefix}${name}`;
    const shape = sectionShape(property, objects);
    keys.set(
      key,
      shape === undefined ? [documented(property, key)] : keysOf(shape, `${key}.`, objects),
    );
  }
  return [...keys.values()].flat();
}

/** The keys of `name: section(shape, ...)`. */
function sectionShape(
  property: ts.ObjectLiteralElementLike,
  objects: ReadonlyMap<string, ts.ObjectLiteralExpression>,
): ts.ObjectLiteralExpression | undefined {
  if (!ts.isPropertyAssignment(property) || !ts.isCallExpression(property.initializer)) return;
  const { expression, arguments: given } = property.initializer;
  return expression.getText() === "section" ? objects.get(given[0]?.getText() ?? "") : undefined;
}

function documented(property: ts.Node, key: string): DocumentedKey {
  const comment = ts.getJSDocCommentsAndTags(property).find(ts.isJSDoc);
  const text = oneLine(comment?.comment);
  if (text === undefined) throw new Error(`the setting ${key} has no doc comment`);
  const tag = (name: string): string | undefined =>
    oneLine(comment?.tags?.find(({ tagName }) => tagName.text === name)?.comment);
  const [value, example] = [tag("default"), tag("example")];
  return {
    key,
    text,
    ...(value === undefined ? {} : { default: value }),
    ...(example === undefined ? {} : { example }),
  };
}

function oneLine(comment: ts.JSDoc["comment"]): string | undefined {
  return ts.getTextOfJSDocComment(comment)?.replaceAll(/\s+/g, " ").trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const keys = await documentedKeys();
  await writeFile(OPTIONS, await optionsPage(await readFile(OPTIONS, "utf8"), keys));
}
