/** The operator's own changes to the compose file: read, shown and merged, never written. */
import { join } from "node:path";
import { parse } from "yaml";
import { nameExists, readFileIfThere } from "./files.ts";
import type { InstancePaths } from "./paths.ts";

/**
 * The names that Compose looks for beside `compose.yaml`, in its order. It merges the first one that
 * is there and leaves out the others (measured with Compose 2.26).
 */
export const OVERRIDE_NAMES = [
  "compose.override.yml",
  "compose.override.yaml",
  "docker-compose.override.yml",
  "docker-compose.override.yaml",
] as const;

export interface OperatorOverride {
  /** The file's name in the directory. */
  name: string;
  text: string;
  /** Further files with such a name, which Compose doesn't read. */
  ignored: string[];
}

/** The override that Compose merges; undefined where there is none. */
export async function readOverride(paths: InstancePaths): Promise<OperatorOverride | undefined> {
  const there: string[] = [];
  for (const name of OVERRIDE_NAMES)
    if (await nameExists(join(paths.directory, name))) there.push(name);
  const [name, ...ignored] = there;
  if (name === undefined) return undefined;
  const text = await readFileIfThere(join(paths.directory, name));
  // A link that leads nowhere: Compose fails on it, and so does who relies on what it held.
  if (text === undefined) throw new Error(`${join(paths.directory, name)} can't be read`);
  return { name, text, ignored };
}

/** What an override changes, short: `chatalot ports, labels (4); networks proxy`. */
export function describeOverride(text: string): string {
  let parsed: unknown;
  try {
    // Compose has tags of its own (!reset, !override), about which nothing is to be said here.
    parsed = parse(text, { logLevel: "error" });
  } catch {
    return "it is not valid YAML";
  }
  const parts = Object.entries(mappingOf(parsed)).flatMap(([section, value]) =>
    section === "services"
      ? Object.entries(mappingOf(value)).map(([service, definition]) => {
          const keys = Object.entries(mappingOf(definition)).map(described);
          return `${service} ${keys.length === 0 ? "(nothing)" : keys.join(", ")}`;
        })
      : [`${section} ${Object.keys(mappingOf(value)).join(", ")}`.trim()],
  );
  return parts.length === 0 ? "it changes nothing" : parts.join("; ");
}

function described([key, value]: [string, unknown]): string {
  const size = Array.isArray(value) ? value.length : Object.keys(mappingOf(value)).length;
  return size > 1 ? `${key} (${size})` : key;
}

function mappingOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
