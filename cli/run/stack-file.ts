/** The stack file with the settings of an earlier update. Comments and all other settings stay. */
import { existsSync } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Document, isMap, isNode, isScalar, isSeq, parse, parseDocument } from "yaml";
import { UserError } from "../../common/errors.ts";
import { DATABASE_SERVICE } from "../../release/compose-file.ts";
import { writeFileDurably } from "../../updater/files.ts";
import type { DatabaseWay } from "../../updater/protocol.ts";
import type { ConfigValue } from "../history/pulumi-history.ts";
import { pulumi, stackFlag } from "./pulumi.ts";
import { NAMESPACE } from "../init/stack-file.ts";

const SIDE_IMAGES = ["config", `${NAMESPACE}:sideImages`];

/** The stack file as it was read, and where it is. */
export interface StackFile {
  path: string;
  text: string;
}

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
  const earlier = document.getIn([...SIDE_IMAGES, DATABASE_SERVICE]);
  if (typeof earlier !== "string" || tagged(earlier) === tagged(databaseImage)) return;
  dropDatabaseDigest(document);
}

/** A setting without any digest is none. */
function dropDatabaseDigest(document: Document): void {
  const digests = document.getIn(SIDE_IMAGES, true);
  if (!isMap(digests)) return;
  digests.delete(DATABASE_SERVICE);
  if (digests.items.length === 0) document.deleteIn(SIDE_IMAGES);
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
  // What is not there would be made a list of pairs.
  if (!isMap(document.getIn(SIDE_IMAGES, true)))
    document.setIn(SIDE_IMAGES, document.createNode({}));
  for (const [service, image] of Object.entries(images))
    document.setIn([...SIDE_IMAGES, service], image);
  set(document, "retry", retry);
  return document.toString({ lineWidth: 0 });
}

/**
 * The text of the stack file with another image for the database; a digest of the one before goes.
 *
 * @param retry the reverted job that may be tried once more
 */
export function withDatabaseUpgrade(text: string, image: string, retry?: number): string {
  const document = read(text);
  set(document, "databaseImage", image);
  dropDatabaseDigest(document);
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
  if (!isEmpty) assign(document, path, value);
  else if (document.hasIn(path)) document.deleteIn(path);
}

/** Only what differs is written anew, so that the comments of all else stay. */
function assign(document: Document, path: readonly string[], value: unknown): void {
  const present = document.getIn(path, true);
  if (isNode(present) && isDeepStrictEqual(present.toJS(document), value)) return;
  if (isMap(present) && isPlainObject(value)) {
    present.items = present.items.filter(
      ({ key }) =>
        isScalar(key) && typeof key.value === "string" && Object.hasOwn(value, key.value),
    );
    for (const [name, part] of Object.entries(value)) assign(document, [...path, name], part);
  } else if (isSeq(present) && Array.isArray(value)) {
    const items = present.items.filter(isNode);
    const kept = (part: unknown): unknown =>
      items.find((item) => isDeepStrictEqual(item.toJS(document), part)) ??
      document.createNode(part);
    present.items = value.map(kept);
  } else if (typeof value === "object") document.setIn(path, document.createNode(value));
  // Into the node that is there, if it is one of a single value.
  else document.setIn(path, value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
export async function stackFileOf(stack: string | undefined): Promise<StackFile> {
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
  // A link, such as one into a repository of its own, stays one: what it leads to is replaced.
  const target = await realpath(path);
  return { path: target, text: await readFile(target, "utf8") };
}

/**
 * Puts a text in the place of the stack file, whose mode stays.
 *
 * @throws UserError where it is neither as it was read, nor that text already
 */
export async function replaceStackFile({ path, text: before }: StackFile, text: string) {
  const present = await readFile(path, "utf8").catch(() => undefined);
  if (present !== before && present !== text)
    throw new UserError(
      `Nothing was changed: ${path} was changed meanwhile. Look at it, and try again.`,
    );
  await writeFileDurably(path, text, (await stat(path)).mode & 0o777);
}

/**
 * Puts the text of before back, unless somebody has changed the file since.
 *
 * @param written what was put in its place
 * @param lookAt what to look at there where it was changed
 * @returns what became of it
 */
export async function putStackFileBack(
  { path, text }: StackFile,
  written: string,
  lookAt: string,
): Promise<string> {
  const name = basename(path);
  const present = await readFile(path, "utf8").catch(() => undefined);
  if (present !== written)
    return `${name} was changed meanwhile and is left alone. Look at ${lookAt}.`;
  await replaceStackFile({ path, text: written }, text);
  return `${name} is as it was before.`;
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
