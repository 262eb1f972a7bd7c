import { Backups } from "./components/backups.ts";
import { ComposeStack } from "./components/compose-stack.ts";
import { keepSecretsOutOfDebugLog } from "./components/debug-log.ts";
import { HealthCheck } from "./components/health-check.ts";
import { Secrets } from "./components/secrets.ts";
import { Server } from "./components/server.ts";
import { Storage } from "./components/storage.ts";
import { readSettings } from "./settings.ts";

keepSecretsOutOfDebugLog();
const settings = readSettings();

const server = new Server("server", settings);
const secrets = new Secrets("secrets");
const storage = new Storage("storage", settings.place, { dependsOn: server });
const stack = new ComposeStack(
  "chatalot",
  { ...settings, secrets: secrets.proposals },
  { dependsOn: [server, storage] },
);
new Backups("backups", { ...settings, deployment: stack.deployment });
const check = new HealthCheck("health", { ...settings, deployment: stack.deployment });

/** Where the chat is: with the owner guard only on its server, until it has an owner. */
export const address = stack.deployment.listen.apply(settings.addressWhere);
export const release = stack.release.release;
export const commit = stack.deployment.commit;
/** Which instance this stack deployed; another one behind the same settings is refused. */
export const instance = stack.deployment.instanceId;
/** How long nothing answered in the last swap; nothing served before a first deployment. */
export const downtimeSeconds = stack.deployment.downtimeSeconds.apply((seconds) => seconds ?? 0);
export const health = check.health.status;
