/** The server of a stack, from the stack's own configuration. */
import { UserError } from "../common/errors.ts";
import { RemoteServer, type ServerPlace } from "../provider/server/remote-server.ts";
import { NAMESPACE } from "./init/stack-file.ts";
import { pulumi, PulumiError, stackFlag } from "./run/pulumi.ts";
import { parseSettings, type Settings } from "../settings/parse.ts";

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
  /** Whether there are secret variables, whose values are not read. */
  hasSecretEnv: boolean;
}

/** @param assumed values for keys that are not set */
export async function valuesOfStack(
  stack: string | undefined,
  assumed: Record<string, unknown> = {},
): Promise<StackValues> {
  const entries = await readConfiguration(stack);
  const raw = Object.fromEntries(
    Object.entries(entries)
      // An empty text is what Pulumi.yaml has for a key that isn't set.
      .filter(
        ([key, { secret, value }]) => key.startsWith(`${NAMESPACE}:`) && !secret && value !== "",
      )
      .map(([key, entry]) => [key.slice(NAMESPACE.length + 1), entry.objectValue ?? entry.value]),
  );
  const settings = parseSettings({ ...assumed, ...raw }, { namespace: NAMESPACE });
  const { server, directory, project, listen } = settings;
  const volumes = [settings.volumes.database, settings.volumes.files];
  const place = { server, directory, project, port: listen.port, volumes };
  const hasSecretEnv = entries[`${NAMESPACE}:secretEnv`]?.secret === true;
  return { raw, settings, place, remote: RemoteServer.at(place), hasSecretEnv };
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
