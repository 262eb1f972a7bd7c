/** Variables that a release's compose file requires, and that nothing sets. */
import type { Configuration } from "../updater/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";

/** What the updater sets for every instance. */
const OWN = ["DB_PASSWORD", "TOTP_ENCRYPTION_KEY"];

/** The names of all variables that are set. */
export function setVariables(given: readonly string[], hasUrl: boolean): Set<string> {
  return new Set([...OWN, ...(hasUrl ? ["PUBLIC_URL"] : []), ...given]);
}

/** Refuses a release that Compose would refuse for want of a variable, all of them at once. */
export function missingSettings(news: Wire): string[] {
  const { requires, configuration, secretEnv } = news;
  // A stack of an earlier version has not noted them: then the job finds out, before it stops anything.
  if (!Array.isArray(requires) || [requires, configuration, secretEnv].some(hasUnknown)) return [];
  const { url, env } = configuration as Configuration;
  const secrets = Object.keys((secretEnv as Record<string, string> | undefined) ?? {});
  const set = setVariables([...Object.keys(env), ...secrets], url !== undefined);
  const missing = (requires as string[]).filter((name) => !set.has(name));
  if (missing.length === 0) return [];
  const how = missing.map((name) =>
    name === "PUBLIC_URL"
      ? "  PUBLIC_URL: pulumi config set url https://chat.example.org"
      : `  ${name}: pulumi config set --path env.${name} ... (a secret: --secret, and secretEnv.${name})`,
  );
  return [
    `${news.release as string} can't start: its compose file requires ${missing.join(", ")}, which ` +
      `${missing.length === 1 ? "is" : "are"} not set. Nothing was changed. Set ${missing.length === 1 ? "it" : "them"}:\n${how.join("\n")}`,
  ];
}
