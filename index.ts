import { Alerts } from "./components/alerts.ts";
import { Backups } from "./components/backups.ts";
import { ComposeStack } from "./components/compose-stack.ts";
import { keepSecretsOutOfDebugLog } from "./components/debug-log.ts";
import { HealthCheck } from "./components/health-check.ts";
import { Chatalot } from "./components/provider.ts";
import { Secrets } from "./components/secrets.ts";
import { Server } from "./components/server.ts";
import { Storage } from "./components/storage.ts";
import { readSettings } from "./settings.ts";

keepSecretsOutOfDebugLog();
const settings = readSettings();

const provider = new Chatalot("chatalot", settings);
const server = new Server("server", settings, { provider });
const secrets = new Secrets("secrets");
const storage = new Storage("storage", { ...settings, checked: server });
const stack = new ComposeStack(
  "chatalot",
  { ...settings, secrets: secrets.proposals },
  { provider, dependsOn: [server, storage] },
);
const { deployment } = stack;
new Backups("backups", { ...settings, deployment }, { provider });
new Alerts("alerts", { ...settings, deployment }, { provider });
const check = new HealthCheck("health", { ...settings, deployment }, { provider });

/** Where the chat is: with the owner guard only on its server, until it has an owner. */
export const address = deployment.listen.apply(settings.addressWhere);
/** The release as it was asked for, and its commit. */
export const release = stack.release.release;
export const commit = deployment.commit;
/** Which instance this stack deployed; another one behind the same settings is refused. */
export const instance = deployment.instanceId;
/** How long nothing answered in the last swap; nothing served before a first deployment. */
export const downtimeSeconds = deployment.downtimeSeconds.apply((seconds) => seconds ?? 0);
/** What the chat says of itself: `ok`, or `degraded`. */
export const health = check.health.status;
