/** What of the configuration is secret: encrypted where it has to be, and never shown. */
import type { Problem } from "./problems.ts";
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
    .map((key) => ({
      key,
      cause: "this is encrypted, but only values under secretEnv and alerts stay secret",
      example: `pulumi config rm ${key}; then set it again without --secret`,
    }));
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
