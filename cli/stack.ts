/** The server of a stack, from the stack's own configuration. */
import { isMap, parseDocument } from "yaml";
import { UserError } from "../common/errors.ts";
import { RemoteServer, type ServerPlace } from "../provider/server/remote-server.ts";
import { NAMESPACE } from "./init/stack-file.ts";
import { pulumi, PulumiError, stackFlag } from "./run/pulumi.ts";
import { stackFileOf } from "./run/stack-file.ts";
import { UNREAD } from "../settings/environment.ts";
import { parseSettings, type Settings } from "../settings/parse.ts";
import { SECTIONS } from "../settings/sections.ts";

/** One entry of `pulumi config --json`; a secret has no value. */
interface ConfigEntry {
  value?: string;
  objectValue?: unknown;
  secret: boolean;
}

/** @param stack the stack's name; the selected one where undefined */
export async function serverOfStack(stack: string | undefined): Promise<RemoteServer> {
  return RemoteServer.at((await settingsOfStack(stack)).place);
}

/** The stack's settings without its secrets, and the place that they name. */
export async function settingsOfStack(
  stack: string | undefined,
): Promise<{ settings: Settings; place: ServerPlace }> {
  const { settings, place } = await valuesOfStack(stack);
  return { settings, place };
}

/** A stack's settings without its secrets, also as they were set. */
export interface StackValues {
  /** By the keys at the top. */
  raw: Record<string, unknown>;
  settings: Settings;
  place: ServerPlace;
  remote: RemoteServer;
}

/** @param assumed values for keys that are not set */
export async function valuesOfStack(
  stack: string | undefined,
  assumed: Record<string, unknown> = {},
): Promise<StackValues> {
  return valuesOf(await readConfiguration(stack), assumed);
}

/**
 * The same, where what stands in plain beside encrypted values is checked as well: the names of secret variables,
 * and the other keys of `alerts`. Nothing is decrypted for it.
 */
export async function valuesWithNames(
  stack: string | undefined,
): Promise<StackValues & { secretNames: string[] | undefined }> {
  const entries = await readConfiguration(stack);
  const encrypted = ["secretEnv", "alerts"].filter((key) => entries[configKey(key)]?.secret);
  const beside = encrypted.length === 0 ? {} : await plainPartsOf(stack, encrypted);
  const values = valuesOf(entries, beside);
  const isKnown = !encrypted.includes("secretEnv") || Object.hasOwn(beside, "secretEnv");
  return { ...values, secretNames: isKnown ? Object.keys(values.settings.secretEnv) : undefined };
}

function valuesOf(
  entries: Record<string, ConfigEntry>,
  assumed: Record<string, unknown>,
): StackValues {
  const own = Object.entries(entries)
    .filter(([key]) => key.startsWith(configKey("")))
    .map(([key, entry]) => [key.slice(configKey("").length), entry] as const);
  const secretKeys = own.filter(([, { secret }]) => secret).map(([key]) => key);
  const raw = Object.fromEntries(
    own
      // An empty text is what Pulumi.yaml has for a key that isn't set.
      .filter(([, { secret, value }]) => !secret && value !== "")
      .map(([key, entry]) => [key, entry.objectValue ?? entry.value]),
  );
  // One that was set without --path is wrong by its name.
  const dotted = secretKeys.filter((key) => /[.[]/.test(key)).map((key) => [key, UNREAD]);
  const settings = parseSettings(
    { ...assumed, ...raw, ...(Object.fromEntries(dotted) as Record<string, unknown>) },
    { namespace: NAMESPACE, secretKeys },
  );
  const { server, directory, project, listen } = settings;
  const volumes = [settings.volumes.database, settings.volumes.files];
  const place = { server, directory, project, port: listen.port, volumes };
  return { raw, settings, place, remote: RemoteServer.at(place) };
}

function configKey(name: string): string {
  return `${NAMESPACE}:${name}`;
}

/**
 * What the stack file has in plain of settings that hold something encrypted. One that was encrypted as a whole is
 * left out, and so is all of them where the settings are elsewhere.
 */
async function plainPartsOf(
  stack: string | undefined,
  keys: readonly string[],
): Promise<Record<string, unknown>> {
  let text: string;
  try {
    ({ text } = await stackFileOf(stack));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {};
  }
  const document = parseDocument(text, { version: "1.1" });
  const parts = keys.map((key) => [key, document.getIn(["config", configKey(key)], true)] as const);
  return Object.fromEntries(
    parts.flatMap(([key, node]) => {
      if (!isMap(node)) return [];
      const part = withoutSecrets(node.toJS(document));
      return part === UNREAD ? [] : [[key, key === "alerts" ? knownParts(part, key) : part]];
    }),
  );
}

/** Pulumi writes an encrypted value as a key `secure` of its own. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === "secure") return UNREAD;
  return Object.fromEntries(entries.map(([name, part]) => [name, withoutSecrets(part)]));
}

/** A section without the values that were not read; of a key that it doesn't have the name is wrong. */
function knownParts(part: unknown, section: string): unknown {
  const isHidden = ([name, value]: [string, unknown]): boolean =>
    value === UNREAD && SECTIONS[section]?.includes(name) === true;
  return Object.fromEntries(Object.entries(part ?? {}).filter((entry) => !isHidden(entry)));
}

async function readConfiguration(stack: string | undefined): Promise<Record<string, ConfigEntry>> {
  const argv = ["config", "--json", "--non-interactive", ...stackFlag(stack)];
  try {
    return JSON.parse(await pulumi("read the configuration", argv, {})) as Record<
      string,
      ConfigEntry
    >;
  } catch (error) {
    // Without words of Pulumi's its program is missing or hangs, which another folder would not change.
    if (!(error instanceof PulumiError) || error.said === "") throw error;
    throw new UserError(
      `The stack's configuration can't be read: ${error.said}. Run this where you run pulumi up, or name the ` +
        "stack with --stack.",
      { cause: error },
    );
  }
}
