/** The server of a stack, from the stack's own configuration. */
import { execa, ExecaError } from "execa";
import { UserError } from "../common/errors.ts";
import { volumeNames } from "../components/volume-names.ts";
import { RemoteServer } from "../provider/server/remote-server.ts";
import { parseSettings } from "../settings/parse.ts";

const NAMESPACE = "chatalot-deploy";

/** One entry of `pulumi config --json`; a secret has no value. */
interface ConfigEntry {
  value?: string;
  objectValue?: unknown;
  secret: boolean;
}

/** @param stack the stack's name; the selected one where undefined */
export async function serverOfStack(stack: string | undefined): Promise<RemoteServer> {
  const entries = await readConfiguration(stack);
  const raw = Object.fromEntries(
    Object.entries(entries)
      .filter(([key, entry]) => key.startsWith(`${NAMESPACE}:`) && !entry.secret)
      .map(([key, entry]) => [key.slice(NAMESPACE.length + 1), entry.objectValue ?? entry.value]),
  );
  const { server, directory, project, listen } = parseSettings(raw, { namespace: NAMESPACE });
  return RemoteServer.at({
    ...{ server, directory, project, port: listen.port },
    volumes: Object.values(volumeNames(project)),
  });
}

async function readConfiguration(stack: string | undefined): Promise<Record<string, ConfigEntry>> {
  const chosen = stack === undefined ? [] : ["--stack", stack];
  try {
    const { stdout } = await execa("pulumi", ["config", "--json", "--non-interactive", ...chosen], {
      timeout: 60_000,
    });
    return JSON.parse(stdout) as Record<string, ConfigEntry>;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const [cause = ""] = String(error.stderr ?? error.shortMessage)
      .trim()
      .split("\n");
    throw new UserError(
      `The stack's configuration can't be read: ${cause.replace(/^error: /, "")}. Run this where you run ` +
        "pulumi up, or name the stack with --stack.",
      { cause: error },
    );
  }
}
