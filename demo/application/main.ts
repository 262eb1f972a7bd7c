import { Accounts } from "./accounts.ts";
import { Database } from "./database.ts";
import { Files } from "./files.ts";
import { healthHandler } from "./health.ts";
import { send, sendJson, type Route } from "./http.ts";
import { log } from "./log.ts";
import { Messages } from "./messages.ts";
import { migrate } from "./migrations.ts";
import { page } from "./page.ts";
import { readRelease, type Behaviour, type Release } from "./release.ts";
import { readSettings } from "./settings.ts";
import { WebServer } from "./web-server.ts";

/**
 * The sample chat server. It behaves like Chatalot wherever a deployment can tell: it migrates
 * before it listens, so that nothing answers meanwhile, and until it listens it does not handle
 * SIGTERM either.
 */
async function main(): Promise<void> {
  const release = readRelease();
  log("INFO", `starting sample chat server ${release.version}`);
  const settings = readSettings(process.env);
  const database = new Database(settings.databaseUrl);
  await database.use((client) => migrate(client, release.migrations));
  log("INFO", "migrations are up to date");

  const held = hold(release.behaviour.allocatesMegabytes ?? 0);
  if (release.behaviour.listens === false) {
    setInterval(() => log("INFO", `still starting (${held.length})`), 5_000);
    return;
  }

  const messages = new Messages(database, settings);
  const files = new Files(database, settings);
  const accounts = new Accounts(database, settings);
  const web = new WebServer([
    { method: "GET", path: /^\/api\/health$/, handle: healthHandler(release, database) },
    ...messages.routes,
    ...files.routes,
    ...accounts.routes,
    ...pageRoutes(release),
  ]);
  messages.listenOn(web.server);
  files.startCleaner();

  process.once("SIGTERM", () => {
    log("INFO", "stopping");
    files.stopCleaner();
    messages.close();
    void web
      .stop()
      .then(() => database.end())
      .finally(() => process.exit(0));
  });
  await web.listen(settings.port, settings.host);
  log("INFO", `listening on ${settings.host}:${settings.port}`);
  misbehave(release.behaviour);
}

function pageRoutes(release: Release): Route[] {
  return [
    {
      method: "GET",
      path: /^\/$/,
      handle: async ({ response }) => send(response, 200, "text/html", page(release.webVersion)),
    },
    {
      method: "GET",
      path: /^\/version\.json$/,
      handle: async ({ response }) => sendJson(response, 200, { version: release.webVersion }),
    },
  ];
}

/** Takes memory and writes to it, so that it counts. */
function hold(megabytes: number): Buffer[] {
  return Array.from({ length: megabytes }, () => Buffer.alloc(1024 * 1024, 1));
}

function misbehave(behaviour: Behaviour): void {
  if (behaviour.exitsAfterSeconds === undefined) return;
  setTimeout(() => {
    log("ERROR", "thread 'main' panicked: the sample was told to crash");
    process.exit(behaviour.exitCode ?? 101);
  }, behaviour.exitsAfterSeconds * 1_000);
}

main().catch((error: unknown) => {
  process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
