import { toMilliseconds } from "../common/duration.ts";
import type { Configuration, GateLimits } from "../updater/protocol.ts";
import type { Settings } from "./parse.ts";

/** How the server runs, besides its release and its secrets, as the updater takes it. */
export function configurationOf(settings: Settings): Omit<Configuration, "secretEnv"> {
  const { url, listen, beforeOwner, env, profiles, volumes } = settings;
  const { sideImages, databaseImage } = settings;
  return {
    ...(url === undefined ? {} : { url }),
    listen,
    // The default stands for itself, so that it is no change to a stack that has none.
    ...(beforeOwner === "open" ? { beforeOwner } : {}),
    env,
    profiles,
    ...(Object.keys(sideImages).length === 0 ? {} : { sideImages }),
    ...(databaseImage === undefined ? {} : { databaseImage }),
    databaseVolume: volumes.database,
    filesVolume: volumes.files,
  };
}

/** When the new server counts as healthy, as the updater takes it. */
export function gateOf({
  timeout,
  migrationTimeout,
  mustStayGoodFor,
}: Settings["health"]): GateLimits {
  return {
    timeout: toMilliseconds(timeout),
    migrationTimeout: toMilliseconds(migrationTimeout),
    mustStayGoodFor: toMilliseconds(mustStayGoodFor),
  };
}
