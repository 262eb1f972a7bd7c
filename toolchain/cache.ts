import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";

/**
 * A place in this project's cache of the current user: below `$XDG_CACHE_HOME`, or `~/.cache`.
 * Everything in it can be removed at any time and is made again.
 */
export function cachePath(...parts: string[]): string {
  const configured = process.env.XDG_CACHE_HOME;
  // The specification says that a relative one is to be ignored.
  const base =
    configured !== undefined && path.isAbsolute(configured)
      ? configured
      : path.join(homedir(), ".cache");
  return path.join(base, "chatalot-deploy", ...parts);
}

/** Writes a file so that a reader sees the old content or the new, and never a part. */
export async function writeAtomically(
  file: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, content, { mode });
  await rename(temporary, file);
}

/** The JSON in a file, or undefined where there is no such file or it is not JSON. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}
