/** What of the configuration is secret: encrypted where it has to be, and never shown. */
import type { Problem } from "./problems.ts";
import { SECTIONS } from "./sections.ts";
import { valueAt } from "./value-at.ts";

/** What may have a password in it, also where it is wrong. */
export function isUnspoken(key: string): boolean {
  return /^(?:repository|alerts(?:\.webhook)?)$/.test(key);
}

/** Keys at the top with values that stay secret. */
export const MAY_BE_SECRET = ["secretEnv", "alerts"];

/** Secrets must be encrypted; and what is encrypted must not be written in plain by being used. */
export function secrecyProblems(
  raw: Record<string, unknown>,
  secretKeys: readonly string[] | undefined,
): Problem[] {
  if (secretKeys === undefined) return [];
  const problems: Problem[] = secretKeys
    // One that was set without --path is told as such.
    .filter((key) => !MAY_BE_SECRET.includes(key.split(/[.[]/)[0] ?? ""))
    .map((key) => ({ key, ...encryptedInVain(key, raw[key]) }));
  const secretEnv = raw["secretEnv"];
  const isSet = typeof secretEnv === "object" && secretEnv !== null;
  if (isSet && Object.keys(secretEnv).length > 0 && !secretKeys.includes("secretEnv")) {
    problems.push({
      key: "secretEnv",
      cause: "this stands in the stack file in plain text",
      example: `pulumi config set --path --secret secretEnv.${Object.keys(secretEnv)[0] ?? ""}`,
    });
  }
  if (valueAt(raw, ["alerts", "webhook"]) !== undefined && !secretKeys.includes("alerts")) {
    problems.push({
      key: "alerts.webhook",
      cause: "this stands in the stack file in plain text, and whoever has it can write there",
      example: "pulumi config set --path --secret alerts.webhook",
    });
  }
  return problems;
}

/** Keys with values by number. */
const LISTS = ["profiles", "moreEnv"];

/** Of a section Pulumi says that something in it is encrypted; to remove all of it would lose the rest. */
function encryptedInVain(key: string, value: unknown): Omit<Problem, "key"> {
  const reason = "only values under secretEnv and alerts stay secret";
  const again = "then set it again without --secret";
  if (!Object.hasOwn(SECTIONS, key) || typeof value === "string")
    return {
      cause: `this is encrypted, but ${reason}`,
      example: `pulumi config rm ${key}; ${again}`,
    };
  const part = LISTS.includes(key) ? `'${key}[<number>]'` : `${key}.<key>`;
  return {
    cause: `one of its values is encrypted ("secure" in the stack file), but ${reason}`,
    example: `pulumi config rm --path ${part}; ${again}`,
  };
}
