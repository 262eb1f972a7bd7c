/**
 * Takes the instance's secrets out of what a service has said: a release that prints its environment before
 * it ends would otherwise have them in the cause of its failure, and so in the ledger, in Pulumi's output and
 * in whatever keeps that. It is a net for carelessness; a release that wants to tell a secret can.
 */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { readFileIfThere } from "./files.ts";
import type { InstancePaths } from "./paths.ts";

/** What is shorter stands in too many texts, and is no secret that could be kept. */
const SHORTEST = 8;

const HIDDEN = "(hidden)";

/**
 * The values that must not be told: those of the instance, and all that a service gets from the `.env`. What
 * stands in the compose file as it is, and what the image sets for itself, is no secret.
 *
 * @param environment of the container, each as `NAME=value`
 * @param composeFile the file that it was started from
 */
export async function secretValues(
  paths: Pick<InstancePaths, "secretsFile">,
  environment: readonly string[],
  composeFile: string,
): Promise<string[]> {
  const kept = await readFileIfThere(paths.secretsFile);
  const own = kept === undefined ? [] : Object.values(JSON.parse(kept) as Record<string, string>);
  const interpolated = new Set(
    (await environmentsOf(composeFile)).flatMap((variables) =>
      Object.entries(variables)
        .filter(([, value]) => String(value).replaceAll("$$", "").includes("$"))
        .map(([name]) => name),
    ),
  );
  const given = environment.flatMap((entry) => {
    const equals = entry.indexOf("=");
    return interpolated.has(entry.slice(0, equals)) ? [entry.slice(equals + 1)] : [];
  });
  // A key in PEM is printed line by line.
  return [...own, ...given].flatMap((value) => value.split("\n"));
}

async function environmentsOf(composeFile: string): Promise<Record<string, unknown>[]> {
  const { services = {} } = parse(await readFile(composeFile, "utf8")) as {
    services?: Record<string, { environment?: Record<string, unknown> }>;
  };
  return Object.values(services).map(({ environment = {} }) => environment);
}

/** A text without these values, also where they are written for JSON or a URL, or as base64. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const spellings = secrets
    .filter((secret) => secret.length >= SHORTEST && !secret.startsWith("-----"))
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
      Buffer.from(secret).toString("hex"),
    ]);
  // The longest first: one may be a part of another.
  const sorted = [...new Set(spellings)].sort((one, other) => other.length - one.length);
  return sorted.reduce((shown, spelling) => shown.replaceAll(spelling, HIDDEN), text);
}
