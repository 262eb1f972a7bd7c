/** How the docker provider reaches the same server as the updater: by the system's ssh as well. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isIPv6 } from "node:net";
import { cachePath } from "../common/cache.ts";
import { canonicalJson } from "../common/canonical-json.ts";
import { jumpCommand } from "../transport/connection.ts";
import type { ServerAddress } from "../transport/index.ts";

export interface DockerHost {
  /** Absent: this machine. */
  host?: string;
  /** Arguments for ssh. */
  sshOpts?: string[];
}

/** The docker provider's settings for a server. */
export function dockerHost(server: ServerAddress | null): DockerHost {
  if (server === null) return {};
  const name = isIPv6(server.host) ? `[${server.host}]` : server.host;
  const port = server.port === undefined ? "" : `:${server.port}`;
  return { host: `ssh://${server.user}@${name}${port}`, sshOpts: sshOptions(server) };
}

function sshOptions(server: ServerAddress): string[] {
  const { identityFile, jumpHost } = server;
  const settings = ["StrictHostKeyChecking=yes", "BatchMode=yes", ...hostKeySettings(server)];
  return [
    ...settings.flatMap((setting) => ["-o", setting]),
    ...(identityFile === undefined ? [] : ["-i", identityFile, "-o", "IdentitiesOnly=yes"]),
    ...(jumpHost === undefined ? [] : ["-o", `ProxyCommand=${jumpCommand(jumpHost)}`]),
  ];
}

/** The same keys that the transport believes; the plugin can only be told by a file. */
function hostKeySettings(server: ServerAddress): string[] {
  const { hostKey, knownHostsFile } = server;
  if (knownHostsFile !== undefined) return [`UserKnownHostsFile="${knownHostsFile}"`];
  if (hostKey === undefined) return [];
  const alias = createHash("sha256").update(canonicalJson(server)).digest("hex").slice(0, 32);
  const folder = cachePath("known-hosts");
  const file = join(folder, alias);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(file, hostKey.map((key) => `${alias} ${key}\n`).join(""), { mode: 0o600 });
  return [
    `UserKnownHostsFile="${file}"`,
    "GlobalKnownHostsFile=/dev/null",
    `HostKeyAlias=${alias}`,
    "CheckHostIP=no",
  ];
}
