import { stat } from "node:fs/promises";
import { join } from "node:path";
import { checkout, demoName } from "./places.ts";
import type { SampleRepository } from "./repository/index.ts";
import type { DemoServer } from "./server/index.ts";
import { freeStack, pulumi } from "./stack.ts";

/** What {@link deploy} needs to know. */
export interface Deployment {
  server: DemoServer;
  repository: SampleRepository;
  /** The variables with which `pulumi` works on the demo's stack. */
  environment: Record<string, string>;
}

/** The release of the first deployment; a later `npm start` keeps what the stack says. */
const FIRST_RELEASE = "v1.0.0";

/**
 * Deploys the sample to the demo server: the same program, the same settings and the same way over
 * SSH as to any other server.
 */
export async function deploy(deployment: Deployment): Promise<void> {
  const { environment } = deployment;
  const isNew = (await stat(join(checkout, `Pulumi.${demoName}.yaml`)).catch(() => null)) === null;
  await pulumi(
    "make the demo's stack",
    ["stack", "select", "--create", demoName, "--non-interactive"],
    environment,
  );
  const settings = { ...settingsOf(deployment), ...(isNew ? { release: FIRST_RELEASE } : {}) };
  await pulumi(
    "write the demo's settings",
    [
      ...["config", "set-all", "--stack", demoName, "--path", "--non-interactive"],
      ...Object.entries(settings).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]),
    ],
    environment,
  );
  await freeStack(environment);
  await pulumi(
    "deploy to the demo server",
    ["up", "--stack", demoName, "--yes", "--non-interactive"],
    environment,
  );
}

function settingsOf({ server, repository }: Deployment): Record<string, string> {
  return {
    repository: repository.directory,
    "server.host": server.host,
    "server.port": String(server.port),
    "server.user": server.user,
    "server.identityFile": server.identityFile,
    "server.hostKey": server.hostKey,
    url: `http://127.0.0.1:${server.webPort}`,
    // This machine reaches the server from outside: its loopback address would be a closed door.
    "listen.address": "0.0.0.0",
    "listen.port": "8080",
    // The container is reachable from this machine only, so no stranger can be first.
    "listen.beforeOwner": "open",
    // The demo should be quick; on a server of one's own the default of 10 seconds is right.
    "health.mustStayGoodFor": "2 seconds",
  };
}
