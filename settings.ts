import * as pulumi from "@pulumi/pulumi";
import { shown } from "./common/engine-markup.ts";
import { UserError } from "./common/errors.ts";
import type { ServerPlace } from "./provider/server/remote-server.ts";
import { configurationOf, gateOf } from "./settings/configuration.ts";
import { addressOf, parseSettings, type Settings } from "./settings/parse.ts";
import { SECTIONS } from "./settings/sections.ts";
import type { AlertSettings } from "./updater/alerts/protocol.ts";
import type { Configuration, GateLimits } from "./updater/protocol.ts";

export { parseSettings, type ParseOptions, type Settings } from "./settings/parse.ts";

/** The settings of a stack in the forms in which the components take them. */
export interface StackSettings extends Omit<Settings, "secretEnv" | "alerts"> {
  /** Which server, and which instance on it. */
  place: ServerPlace;
  /** How the server runs, besides its release. */
  configuration: Omit<Configuration, "secretEnv">;
  /** Secret. */
  secretEnv: pulumi.Output<Record<string, string>>;
  /** Secret. Absent: none are sent. */
  alerts?: pulumi.Output<AlertSettings>;
  /** The names of the variables in `secretEnv`, which are no secret. */
  secretEnvNames: string[];
  /** When the new server counts as healthy. */
  gate: GateLimits;
  /** What a public address that doesn't answer means. */
  public: Settings["health"]["public"];
  /** Where the chat is, published at this address of its host; absent: as the settings say. */
  addressWhere: (published: Settings["listen"] | undefined) => string;
}

/**
 * Reads the configuration of the stack that runs.
 *
 * @throws RunError with everything that is wrong: of all errors of a program, this is the one that
 * Pulumi shows without a stack
 */
export function readSettings(): StackSettings {
  try {
    return stackSettings();
  } catch (error) {
    throw error instanceof UserError ? new pulumi.RunError(shown(error.message)) : error;
  }
}

function stackSettings(): StackSettings {
  const namespace = new pulumi.Config().name;
  const raw = readConfiguration(namespace);
  const secretKeys = Object.keys(raw).filter((key) => isSecret(`${namespace}:${key}`));
  const { secretEnv, alerts, ...settings } = parseSettings(raw, { namespace, secretKeys });
  const { server, directory, project, volumes, listen, health } = settings;
  return {
    ...settings,
    place: {
      server,
      directory,
      project,
      volumes: [volumes.database, volumes.files],
      port: listen.port,
    },
    configuration: configurationOf({ ...settings, secretEnv }),
    secretEnv: pulumi.secret(secretEnv),
    ...(alerts === undefined ? {} : { alerts: pulumi.secret(alerts) }),
    secretEnvNames: Object.keys(secretEnv).sort(),
    gate: gateOf(health),
    public: health.public,
    addressWhere: (published) => addressOf(settings, published),
  };
}

/**
 * All keys of the project as Pulumi gives them: text, and JSON for keys with keys of their own. An
 * empty text is what Pulumi.yaml has for a key that isn't set.
 */
function readConfiguration(namespace: string): Record<string, unknown> {
  const prefix = `${namespace}:`;
  const all = Object.entries(pulumi.runtime.allConfig());
  return Object.fromEntries(
    all.flatMap(([name, value]) => {
      if (!name.startsWith(prefix) || value === "") return [];
      const key = name.slice(prefix.length);
      return [[key, Object.hasOwn(SECTIONS, key) ? fromJson(value) : value]];
    }),
  );
}

/** A key that was set without `--path` has no JSON; what is wrong then is said with the others. */
function fromJson(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** Pulumi keeps this out of its types, but tells the program nowhere else what is encrypted. */
function isSecret(key: string): boolean {
  const { isConfigSecret } = pulumi.runtime as { isConfigSecret?: (key: string) => boolean };
  return isConfigSecret?.(key) ?? false;
}
