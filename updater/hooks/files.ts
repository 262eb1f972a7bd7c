/** The files of the server's hooks: which there are, and whether root may run them. */
import { type Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { InstancePaths } from "../paths.ts";
import { type HookFiles, type HookName, HOOKS } from "../protocol.ts";

const WRITABLE_BY_OTHERS = 0o022;
const EXECUTABLE = 0o100;

/** Of programs whose names no hook has no more are named. */
const MOST_IGNORED = 5;

/** Undefined where there is no folder for hooks. */
export async function readHookFiles({
  hooks,
}: Pick<InstancePaths, "hooks">): Promise<HookFiles | undefined> {
  const folder = await factsOf(hooks);
  if (folder === undefined) return undefined;
  const problem = problemOfFolder(folder);
  // Whoever could change the folder could put there what he likes.
  if (problem !== undefined) return { names: [], problems: [refusal(hooks, problem)], ignored: [] };
  const names: HookName[] = [];
  const problems: string[] = [];
  for (const name of HOOKS) {
    const path = join(hooks, name);
    const facts = await factsOf(path);
    if (facts === undefined) continue;
    names.push(name);
    const reason = problemOfFile(facts);
    if (reason !== undefined) problems.push(refusal(path, reason));
  }
  return { names, problems, ignored: await ignoredIn(hooks) };
}

/** Where a hook lies. */
export function hookPath({ hooks }: Pick<InstancePaths, "hooks">, name: HookName): string {
  return join(hooks, name);
}

/**
 * Why a hook is not run, looked at anew; undefined: it may be.
 *
 * @returns "missing" where there is none
 */
export async function obstacleOf(
  { hooks }: Pick<InstancePaths, "hooks">,
  name: HookName,
): Promise<string | undefined> {
  const folder = await factsOf(hooks);
  const file = folder === undefined ? undefined : await factsOf(join(hooks, name));
  if (folder === undefined || file === undefined) return "missing";
  const problem = problemOfFolder(folder);
  if (problem !== undefined) return refusal(hooks, problem);
  const reason = problemOfFile(file);
  return reason === undefined ? undefined : refusal(join(hooks, name), reason);
}

function refusal(path: string, [problem, mend]: readonly [string, string]): string {
  return `${path} ${problem}, and root would run it. Mend it (${mend}), or move it away`;
}

function problemOfFolder(facts: Stats): readonly [string, string] | undefined {
  if (facts.isSymbolicLink()) return ["is a link", "make it a folder"];
  if (!facts.isDirectory()) return ["is no folder", "make it a folder"];
  return problemOfOwner(facts);
}

function problemOfFile(facts: Stats): readonly [string, string] | undefined {
  if (facts.isSymbolicLink()) return ["is a link", "put the program itself there"];
  if (!facts.isFile()) return ["is no file", "put a program there"];
  const problem = problemOfOwner(facts);
  if (problem !== undefined) return problem;
  return (facts.mode & EXECUTABLE) === 0 ? ["is not executable", "chmod 700"] : undefined;
}

/** The updater is root; what is not its own, or not its own alone, it doesn't run. */
function problemOfOwner(facts: Stats): readonly [string, string] | undefined {
  if (facts.uid !== (process.geteuid?.() ?? 0))
    return [`belongs to user ${facts.uid}`, "chown root"];
  return (facts.mode & WRITABLE_BY_OTHERS) === 0
    ? undefined
    : ["can be written to by others than root", "chmod go-w"];
}

/** A program with a mistyped name would never run, and nobody would know. */
async function ignoredIn(hooks: string): Promise<string[]> {
  const ignored: string[] = [];
  for (const name of (await readdir(hooks)).sort()) {
    if ((HOOKS as readonly string[]).includes(name)) continue;
    const facts = await factsOf(join(hooks, name));
    const isProgram = facts?.isFile() === true && (facts.mode & EXECUTABLE) !== 0;
    if (isProgram && ignored.length < MOST_IGNORED) ignored.push(name);
  }
  return ignored;
}

async function factsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
