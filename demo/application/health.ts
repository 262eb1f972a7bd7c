import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "./database.ts";
import { send, sendJson, type Call, type Handler } from "./http.ts";
import type { Release } from "./release.ts";

/**
 * GET /api/health: always 200, also when the database is away; only the body tells. The version is
 * the crate's. A bad release answers as its behaviour says.
 */
export function healthHandler(release: Release, database: Database): Handler {
  const { behaviour } = release;
  const startedAt = Date.now();
  let asked = 0;

  async function answer({ response }: Call): Promise<void> {
    asked += 1;
    const isDatabaseHealthy = await database.use(async () => true).catch(() => false);
    // By turns alone, whoever asks at each second turn would find it good for ever.
    const isBadNow = asked % 2 === 0 || (asked > 1 && Math.random() < 0.7);
    const isDegraded =
      behaviour.health === "degraded" || (behaviour.health === "flapping" && isBadNow);
    sendJson(response, 200, {
      status: isDatabaseHealthy && !isDegraded ? "ok" : "degraded",
      version: behaviour.version ?? release.version,
      uptime_secs: Math.floor((Date.now() - startedAt) / 1_000),
      db_healthy: isDatabaseHealthy && !isDegraded,
    });
  }

  return async (call) => {
    switch (behaviour.health) {
      case "html":
        return send(call.response, 200, "text/html", "<h1>It works!</h1>");
      case "redirect":
        call.response.writeHead(301, { location: "/version.json" }).end();
        return;
      case "huge":
        return send(call.response, 200, "application/json", `"${"x".repeat(50_000_000)}"`);
      case "slow":
        await sleep(29_000);
        return answer(call);
      case "degraded":
      case "flapping":
      case undefined:
        return answer(call);
    }
  };
}
