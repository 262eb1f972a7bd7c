import { quote } from "../common/quote.ts";
import { withoutControls } from "../common/text.ts";
import { homeOf } from "./environment.ts";
import { nearest } from "./nearest.ts";
import type { Problem } from "./problems.ts";
import { settingsSchema } from "./schema.ts";
import { MAY_BE_SECRET } from "./secrecy.ts";
import { SECTIONS } from "./sections.ts";

/** All keys at the top of the configuration. */
const TOP = [...Object.keys(settingsSchema.shape), "env", "secretEnv"];

/** What is wrong with a key that this version doesn't know. */
export function problemOfUnknownKey(path: readonly string[], value: unknown): Problem {
  const key = path.join(".");
  return path.length === 1 ? unknownTopKey(key, value) : unknownKeyOfSection(path, key);
}

function unknownKeyOfSection(path: readonly string[], key: string): Problem {
  const section = path[0] ?? "";
  const known = SECTIONS[section] ?? [];
  const near = nearest(path.at(-1) ?? "", known);
  const keys =
    near === undefined ? `it has ${known.join(", ")}` : `the nearest is ${section}.${near}`;
  return { key, cause: `there is no such key; ${keys}`, example: `pulumi config rm --path ${key}` };
}

function unknownTopKey(key: string, value: unknown): Problem {
  const [section = "", ...rest] = key.split(/[.[]/);
  if (rest.length > 0 && Object.hasOwn(SECTIONS, section)) return withoutPath(key, section, value);
  const home = homeOf(key);
  if (home !== undefined) {
    return {
      key,
      cause: `this variable belongs under ${home}`,
      example: setCommand(`${home}.${key}`, home === "env" ? value : undefined),
    };
  }
  const near = nearest(key, TOP);
  return {
    key,
    cause:
      near === undefined ? "there is no such key" : `there is no such key; the nearest is ${near}`,
    example: `pulumi config rm ${shellWord(key)}`,
  };
}

/** A dotted key set without `--path` is one key with a dot in it. */
function withoutPath(key: string, section: string, value: unknown): Problem {
  const shown = MAY_BE_SECRET.includes(section) ? undefined : value;
  return {
    key,
    cause: "this was set without --path",
    example: `pulumi config rm ${shellWord(key)}; ${setCommand(key, shown)}`,
  };
}

/** @param value undefined for a secret, which is then asked for */
function setCommand(path: string, value: unknown): string {
  const secret = /^(?:secretEnv|alerts\.webhook)/.test(path) ? "--secret " : "";
  const isShort = typeof value === "string" && /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(value);
  return `pulumi config set --path ${secret}${shellWord(path)}${isShort ? ` ${shellWord(value)}` : ""}`;
}

/** A word of a command that is shown: a key may have characters that none can have. */
function shellWord(text: string): string {
  return quote(withoutControls(text));
}
