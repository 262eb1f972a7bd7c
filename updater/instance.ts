/** What an instance is on its server: its id, its keys, its secrets. */
import { createHmac, randomBytes } from "node:crypto";
import { constants } from "node:os";
import {
  makeDirectoryDurably,
  nameExists,
  readFileIfThere,
  removeDurably,
  writeFileDurably,
} from "./files.ts";
import type { InstancePaths } from "./paths.ts";
import type { InstanceSecrets } from "./protocol.ts";
import { canonicalJson } from "../common/canonical-json.ts";

export interface Instance {
  /** Made once, on the first deployment; a stack that knows another one is refused. */
  id: string;
  project: string;
  createdAt: string;
}

export async function readInstance(paths: InstancePaths): Promise<Instance | undefined> {
  const text = await readFileIfThere(paths.instanceFile);
  return text === undefined ? undefined : (JSON.parse(text) as Instance);
}

/**
 * What is said where a stack means another instance than the one that is there.
 *
 * @param meant the id that the stack knows
 */
export function otherInstanceText(
  { directory }: Pick<InstancePaths, "directory">,
  meant: string,
  found: Instance | undefined,
): string {
  return (
    `This stack deployed instance ${meant}; ${directory} holds ` +
    `${found === undefined ? "no instance" : `instance ${found.id}`}. It is another server, or its disk was ` +
    "replaced. Nothing was changed."
  );
}

/**
 * Why a stack may not take away what is done here by the clock: another instance has moved in since. Where
 * there is none any more, what is left of it may go.
 *
 * @param meant the id that the stack knows; undefined where it never heard of one
 */
export async function removalRefusals(
  paths: InstancePaths,
  meant: string | undefined,
): Promise<string[]> {
  const found = await readInstance(paths);
  if (meant === undefined || found === undefined || found.id === meant) return [];
  return [otherInstanceText(paths, meant, found)];
}

/** The instance of a directory, made where there is none. */
export async function ensureInstance(paths: InstancePaths, project: string): Promise<Instance> {
  const found = await readInstance(paths);
  if (found !== undefined) return found;
  await makeFolders(paths);
  const instance: Instance = {
    id: randomBytes(8).toString("hex"),
    project,
    createdAt: new Date().toISOString(),
  };
  await writeFileDurably(paths.instanceFile, JSON.stringify(instance));
  return instance;
}

/**
 * Makes a directory the home of an instance that lived elsewhere. Its id comes last, since it is what the
 * rest is known by.
 */
export async function plantInstance(
  paths: InstancePaths,
  { id, project }: Pick<Instance, "id" | "project">,
  secrets: InstanceSecrets,
): Promise<void> {
  await makeFolders(paths);
  await writeFileDurably(paths.secretsFile, JSON.stringify(secrets));
  const instance: Instance = { id, project, createdAt: new Date().toISOString() };
  await writeFileDurably(paths.instanceFile, JSON.stringify(instance));
}

/** The folders of an instance; none of them says that there is one. */
export async function makeFolders(paths: InstancePaths): Promise<void> {
  await makeDirectoryDurably(paths.directory, 0o755);
  for (const folder of [paths.state, paths.releases, paths.trees, paths.jobs, paths.incoming])
    await makeDirectoryDurably(folder);
}

/** Enough for the records of a revert. */
const RESERVE_BYTES = 1024 * 1024;

/** Keeps some space, so that a full disk or a quota can't keep a revert from being recorded. */
export async function keepReserve(paths: InstancePaths): Promise<void> {
  if (await nameExists(paths.reserve)) return;
  await writeFileDurably(paths.reserve, "0".repeat(RESERVE_BYTES));
}

/**
 * Writes something that has to be written. Where there is no room the reserve is given up for it; the next
 * submission makes it again.
 */
export async function withReserve(
  paths: Pick<InstancePaths, "reserve">,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isWithoutRoom(error)) throw error;
    await removeDurably(paths.reserve);
    await write();
  }
}

/** By number: a quota has no name in Node, which says "Unknown system error -122" of it. */
function isWithoutRoom(error: unknown): boolean {
  const { errno = 0 } = error as NodeJS.ErrnoException;
  return errno === -constants.errno.ENOSPC || errno === -constants.errno.EDQUOT;
}

/**
 * The server's secrets. Those it has stand, whatever is proposed: the database's password is only
 * read when its volume is first used, another key would log everybody out, and another TOTP key
 * would break every second factor.
 */
export async function ensureSecrets(
  paths: InstancePaths,
  proposed: InstanceSecrets | undefined,
): Promise<InstanceSecrets | undefined> {
  const text = await readFileIfThere(paths.secretsFile);
  if (text !== undefined) return JSON.parse(text) as InstanceSecrets;
  if (proposed !== undefined) await writeFileDurably(paths.secretsFile, JSON.stringify(proposed));
  return proposed;
}

/** A key that never leaves the server, so that digests of secrets tell nothing elsewhere. */
async function digestKey(paths: InstancePaths): Promise<string> {
  const found = await readFileIfThere(paths.digestKeyFile);
  if (found !== undefined) return found;
  const made = randomBytes(32).toString("hex");
  await writeFileDurably(paths.digestKeyFile, made);
  return made;
}

/** A digest that identifies a value on this server and means nothing on any other. */
export async function keyedDigest(paths: InstancePaths, value: unknown): Promise<string> {
  return createHmac("sha256", await digestKey(paths))
    .update(canonicalJson(value))
    .digest("hex");
}
