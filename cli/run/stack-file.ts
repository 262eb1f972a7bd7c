/** The stack file with the settings of an earlier update. Comments and all other settings stay. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Document, isMap, parse, parseDocument } from "yaml";
import { UserError } from "../../common/errors.ts";
import { DATABASE_SERVICE } from "../../release/compose-file.ts";
import type { DatabaseWay } from "../../updater/protocol.ts";
import type { ConfigValue } from "../history/pulumi-history.ts";
import { pulumi, stackFlag } from "./pulumi.ts";
import { NAMESPACE } from "../init/stack-file.ts";

/** What an earlier update had. */
export interface EarlierSettings {
  /** The image that the database was brought to since: a digest of another one is not put back. */
  databaseImage?: string | undefined;
  /** Tag and commit, or a commit. */
  release: string;
  /** By their names without the project's; undefined where it isn't known: then it stays as it is. */
  env?: ConfigValue | undefined;
  profiles?: ConfigValue | undefined;
  sideImages?: ConfigValue | undefined;
}

/** What the database becomes in this one run. */
export interface RunSettings {
  database: DatabaseWay;
  job: number;
  scripts?: string;
  backup?: string;
}

/** The text of the stack file with these settings. */
export function withEarlier(
  text: string,
  { release, env, profiles, sideImages, databaseImage }: EarlierSettings,
  run?: RunSettings,
): string {
  const document = read(text);
  set(document, "release", release);
  for (const [name, value] of Object.entries({ env, profiles, sideImages }))
    if (value !== undefined) set(document, name, plain(value));
  if (databaseImage !== undefined && sideImages !== undefined)
    dropOtherDatabase(document, databaseImage);
  set(document, "rollback", run);
  return document.toString({ lineWidth: 0 });
}

/** An earlier digest of an image that the database doesn't run from any more is none. */
function dropOtherDatabase(document: Document, databaseImage: string): void {
  const path = ["config", `${NAMESPACE}:sideImages`];
  const digests = document.getIn(path, true);
  if (!isMap(digests)) return;
  const earlier = digests.get(DATABASE_SERVICE);
  if (typeof earlier !== "string" || tagged(earlier) === tagged(databaseImage)) return;
  digests.delete(DATABASE_SERVICE);
  if (digests.items.length === 0) document.deleteIn(path);
}

/** An image without its digest. */
function tagged(image: string): string {
  return image.replace(/@.*$/, "");
}

/**
 * The text of the stack file with another release, and without what was meant for one run.
 *
 * @param retry the reverted job whose release may be tried once more
 */
export function withRelease(text: string, release: string, retry?: number): string {
  const document = read(text);
  set(document, "release", release);
  set(document, "retry", retry);
  return document.toString({ lineWidth: 0 });
}

/** The text with other values at the top; one that is undefined or empty is taken out. */
export function withValues(text: string, values: Readonly<Record<string, unknown>>): string {
  const document = read(text);
  for (const [name, value] of Object.entries(values)) set(document, name, value);
  return document.toString({ lineWidth: 0 });
}

/**
 * The text of the stack file with other digests for some services; those of others stay.
 *
 * @param images `name:tag@sha256:…` by service
 * @param retry the reverted job whose images may be tried once more
 */
export function withSideImages(
  text: string,
  images: Readonly<Record<string, string>>,
  retry?: number,
): string {
  const document = read(text);
  const path = ["config", `${NAMESPACE}:sideImages`];
  // What is not there would be made a list of pairs.
  if (!isMap(document.getIn(path, true))) document.setIn(path, document.createNode({}));
  for (const [service, image] of Object.entries(images)) document.setIn([...path, service], image);
  set(document, "retry", retry);
  return document.toString({ lineWidth: 0 });
}

/**
 * The text of the stack file with another image for the database; a digest of the one before goes.
 *
 * @param retry the reverted job that may be tried once more
 */
export function withDatabaseImage(text: string, image: string, retry?: number): string {
  const document = read(text);
  set(document, "databaseImage", image);
  const path = ["config", `${NAMESPACE}:sideImages`];
  const digests = document.getIn(path, true);
  if (isMap(digests)) {
    digests.delete(DATABASE_SERVICE);
    if (digests.items.length === 0) document.deleteIn(path);
  }
  set(document, "retry", retry);
  return document.toString({ lineWidth: 0 });
}

/** The text without a setting and all that belongs to it. */
export function without(text: string, name: string): string {
  const document = read(text);
  set(document, name, undefined);
  return document.toString({ lineWidth: 0 });
}

function read(text: string): Document {
  // Pulumi reads numbers and booleans as YAML 1.1 does; what it would take for one is quoted.
  return parseDocument(text, { version: "1.1" });
}

/** An empty value is what a setting has that isn't set. */
function set(document: Document, name: string, value: unknown): void {
  const path = ["config", `${NAMESPACE}:${name}`];
  const isEmpty =
    value === undefined ||
    value === "" ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0);
  if (!isEmpty) document.setIn(path, document.createNode(value));
  else if (document.hasIn(path)) document.deleteIn(path);
}

function plain({ value, objectValue }: ConfigValue): unknown {
  return objectValue ?? value;
}

/** Names that differ between two values of a setting. */
export function changedNames(before: ConfigValue | undefined, after: ConfigValue): string[] {
  const [a, b] = [before, after].map((value) => (value === undefined ? {} : namesOf(plain(value))));
  const names = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  return [...names].filter((name) => a?.[name] !== b?.[name]).sort();
}

function namesOf(value: unknown): Record<string, string> {
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((name) => [String(name), true])
    : typeof value === "string"
      ? value.split(",").map((name) => [name.trim(), true])
      : Object.entries(value ?? {});
  return Object.fromEntries(
    entries.filter(([name]) => name !== "").map(([name, entry]) => [name, JSON.stringify(entry)]),
  );
}

/**
 * Where the stack's settings are.
 *
 * @param stack the stack's name; the selected one where undefined
 * @throws UserError where there is no such file
 */
export async function stackFileOf(
  stack: string | undefined,
): Promise<{ path: string; text: string }> {
  const shown = await pulumi(
    "name the stack",
    ["stack", "--show-name", "--non-interactive", ...stackFlag(stack)],
    {},
  );
  const name = shown.trim().split("/").at(-1) ?? "";
  const project = projectFile(process.cwd());
  const { stackConfigDir = "." } = (parse(await readFile(project, "utf8")) ?? {}) as {
    stackConfigDir?: string;
  };
  const path = join(dirname(project), stackConfigDir, `Pulumi.${name}.yaml`);
  if (!existsSync(path))
    throw new UserError(
      `The stack's settings can't be changed: there is no ${path}. Set them where they are, and run pulumi up.`,
    );
  return { path, text: await readFile(path, "utf8") };
}

function projectFile(folder: string): string {
  for (const name of ["Pulumi.yaml", "Pulumi.yml"])
    if (existsSync(join(folder, name))) return join(folder, name);
  const above = dirname(folder);
  if (above === folder)
    throw new UserError(
      "The stack's settings can't be found: there is no Pulumi.yaml here. Run this where you run pulumi up.",
    );
  return projectFile(above);
}
