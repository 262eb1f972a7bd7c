/** What the administrator has allowed: files of root's alone, which say for which instances and to whom. */
import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { volumeNames } from "../../common/volume-names.ts";
import { messageOf } from "../../common/errors.ts";
import { type Allowance, type Permit, PERMITS_DIRECTORY, permitSchema } from "./protocol.ts";

/** Whoever asks is told why, and nothing was done. */
export class NotPermittedError extends Error {
  override readonly name = "NotPermittedError";
}

/** What a request is about, as far as a permit has a say in it. */
export interface Subject {
  directory: string;
  project?: string;
  /** Docker's names. */
  volumes?: readonly string[];
}

/**
 * The permit for an instance's folder; undefined where the administrator has written none.
 *
 * @throws NotPermittedError where a permit is there and can't be believed
 */
export async function permitFor(
  directory: string,
  folder = PERMITS_DIRECTORY,
): Promise<Permit | undefined> {
  return (await permitsIn(folder)).find((permit) => permit.directory === directory);
}

/** All of them; a folder that isn't there has none. */
async function permitsIn(folder: string): Promise<Permit[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  await requireRoots(folder);
  return Promise.all(
    names.filter((name) => name.endsWith(".json")).map((name) => readPermit(join(folder, name))),
  );
}

async function readPermit(file: string): Promise<Permit> {
  await requireRoots(file);
  try {
    const permit = permitSchema.parse(JSON.parse(await readFile(file, "utf8")));
    if (basename(file) !== `${permit.project}.json`)
      throw new Error(`it is about the project ${permit.project}`);
    return permit;
  } catch (error) {
    throw new NotPermittedError(
      `The administrator's file ${file} can't be used: ${messageOf(error)}. Nothing was done. Mend it, or ` +
        "remove it and install the runner again",
    );
  }
}

async function requireRoots(path: string): Promise<void> {
  const facts = await lstat(path);
  const isRoots = facts.uid === 0 && (facts.mode & 0o022) === 0 && !facts.isSymbolicLink();
  if (!isRoots)
    throw new NotPermittedError(
      `${path} is a link, or others than root can change it. Nothing was done. Find out who did that`,
    );
}

/** @throws NotPermittedError where the administrator has not allowed it */
export function requireAllowance(permit: Permit, allowance: Allowance, what: string): void {
  if (permit.allow.includes(allowance)) return;
  throw new NotPermittedError(
    `${what} is not allowed through the runner: the administrator can add "${allowance}" to "allow" in ` +
      `${join(PERMITS_DIRECTORY, `${permit.project}.json`)} on the server`,
  );
}

/** @throws NotPermittedError where a request is about anything but the instance of the permit */
export function requireSubject(permit: Permit, subject: Subject): void {
  const { directory, project, volumes = [] } = subject;
  const own = volumeNames(permit.project);
  const foreign = [
    ...(directory === permit.directory ? [] : [`the directory ${directory}`]),
    ...(project === undefined || project === permit.project ? [] : [`the project ${project}`]),
    ...volumes
      .filter((volume) => volume !== own.database && volume !== own.files)
      .map((volume) => `the volume ${volume}`),
  ];
  if (foreign.length === 0) return;
  throw new NotPermittedError(
    `${foreign.join(", ")}: the administrator allows ${permit.directory} with the project ` +
      `${permit.project} and its volumes, and nothing else`,
  );
}
