import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * A place in this project's cache of the current user: below `$XDG_CACHE_HOME`, or `~/.cache`.
 * Everything in it can be removed at any time and is made again.
 */
export function cachePath(...parts: string[]): string {
  const configured = process.env.XDG_CACHE_HOME;
  // The specification says that a relative one is to be ignored.
  const base =
    configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), ".cache");
  return join(base, "chatalot-deploy", ...parts);
}
