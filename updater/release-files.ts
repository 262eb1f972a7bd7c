/** The files of a committed release: their digests, and what an operator wrote into them. */
import { lstat, readdir, readlink, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { nameExists, readFileIfThere, syncDirectory, writeFileDurably } from "./files.ts";
import { keyedDigest } from "./instance.ts";
import type { InstancePaths } from "./paths.ts";
import type { ServingRecord } from "./protocol.ts";

/** Keyed digests of all files in a release's folder, by their path in it: some hold secrets. */
export async function fileDigests(
  paths: InstancePaths,
  releaseDirectory: string,
): Promise<Record<string, string>> {
  const folder = join(paths.directory, releaseDirectory);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const digests: Record<string, string> = {};
  for (const entry of entries.filter((found) => found.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const text = (await readFileIfThere(path)) ?? "";
    digests[path.slice(folder.length + 1)] = await keyedDigest(paths, text);
  }
  return digests;
}

/** Files of a committed release that are not as they were written. */
export async function editedFiles(
  paths: InstancePaths,
  serving: ServingRecord,
): Promise<{ edited: string[]; missing: string[] }> {
  // Records of earlier versions have no digests: of those nothing can be said.
  const recorded = Object.entries(serving.files ?? {});
  if (recorded.length === 0) return { edited: [], missing: [] };
  const now = await fileDigests(paths, serving.releaseDirectory).catch(
    (): Record<string, string> => ({}),
  );
  return {
    edited: recorded.filter(([name, digest]) => (now[name] ?? digest) !== digest).map(nameOf),
    missing: recorded.filter(([name]) => now[name] === undefined).map(nameOf),
  };
}

/** The three names in the operator's directory that lead to the committed release. */
export function directoryLinks(
  paths: InstancePaths,
  releaseDirectory: string,
): { path: string; target: string }[] {
  const current = basename(paths.current);
  return [
    { path: paths.current, target: releaseDirectory },
    { path: paths.composeFile, target: join(current, "compose.yaml") },
    { path: paths.environmentFile, target: join(current, ".env") },
  ];
}

/** What stands where a link of ours belongs. */
export async function linkState(
  path: string,
  target: string,
): Promise<"right" | "missing" | "replaced" | "elsewhere"> {
  if (!(await nameExists(path))) return "missing";
  if (!(await lstat(path)).isSymbolicLink()) return "replaced";
  return (await readlink(path)) === target ? "right" : "elsewhere";
}

/**
 * Keeps what an operator wrote before our own takes its place. Safe to repeat.
 *
 * @param sequence the job that puts ours back, which is part of the kept file's name
 * @returns the names of the kept files in the directory
 */
export async function keepEdits(
  paths: InstancePaths,
  { sequence, previous }: { sequence: number; previous: ServingRecord | undefined },
): Promise<string[]> {
  const kept: string[] = [];
  for (const { path, target } of directoryLinks(paths, "")) {
    if ((await linkState(path, target)) !== "replaced") continue;
    const aside = await freeName(`${path}.edited-${sequence}`);
    await rename(path, aside);
    kept.push(basename(aside));
  }
  await syncDirectory(paths.directory);
  if (previous === undefined) return kept;
  for (const name of (await editedFiles(paths, previous)).edited) {
    const folder = join(paths.directory, previous.releaseDirectory);
    const aside = join(paths.directory, `${basename(name)}.edited-${sequence}-in-release`);
    // Retention may remove that folder; its copy stays. A repeated job finds the copy there.
    if (!(await nameExists(aside)))
      await writeFileDurably(aside, (await readFileIfThere(join(folder, name))) ?? "");
    kept.push(basename(aside));
  }
  return kept;
}

async function freeName(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? path : `${path}-${number}`;
    if (!(await nameExists(name))) return name;
  }
}

function nameOf([name]: [string, string]): string {
  return name;
}
