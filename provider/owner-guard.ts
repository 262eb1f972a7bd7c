/** What an operator is told of the owner guard (updater/owner-guard.ts decides). */
import { isIPv6 } from "node:net";
import { describeAddress } from "../transport/address.ts";
import type { ServerAddress } from "../transport/index.ts";
import { quoteCommand } from "../common/quote.ts";
import type { Configuration, ServerState } from "../updater/protocol.ts";
import { guardedListen, isLoopback, type Listen } from "../updater/owner-guard.ts";

type Wanted = Pick<Configuration, "listen" | "beforeOwner">;

/** Where the chat is published, by what is known of the server. */
export function listenOf(wanted: Wanted, { lastServing, database }: ServerState): Listen {
  return guardedListen(wanted, {
    ...(lastServing?.serving === undefined ? {} : { last: lastServing.serving }),
    ...(database?.hasAccounts === undefined ? {} : { hasAccounts: database.hasAccounts }),
  });
}

/** Whether the guard keeps a chat on another address than the operator asked for. */
export function isGuarded(wanted: Wanted, listen: Listen): boolean {
  return listen.address !== wanted.listen.address;
}

/**
 * Why the next run brings a change although the settings are the same: the guard no longer holds.
 * Undefined where nothing opens.
 */
export function openingOf(wanted: Wanted, state: ServerState): string | undefined {
  const now = state.serving?.serving?.listen;
  const next = listenOf(wanted, state);
  if (now === undefined || !isLoopback(now.address) || isLoopback(next.address)) return undefined;
  if (wanted.beforeOwner === "open") return undefined;
  return `an owner exists: the chat opens on ${named(next)}`;
}

/** What to do while the guard holds, with the exact commands. */
export function guardText(
  { listen }: Wanted,
  guarded: Listen,
  server: ServerAddress | null,
): string {
  const local = guarded.port < 1024 ? 8080 : guarded.port;
  const way =
    server === null
      ? `Register on this machine at http://localhost:${guarded.port}`
      : `Open a tunnel, ${tunnelCommand(server, local, guarded)}, and register at http://localhost:${local}`;
  return (
    `The chat has no account yet, and the first one to register becomes its owner. Until then it is ` +
    `published on ${named(guarded)} only, not on ${named(listen)}. ${way}; then pulumi up again opens it.`
  );
}

/** The command that makes the chat's port one of the operator's own machine. */
function tunnelCommand(server: ServerAddress, local: number, { address, port }: Listen): string {
  const { user, host, port: sshPort, identityFile, knownHostsFile, jumpHost } = server;
  const options = [
    ...(sshPort === undefined ? [] : ["-p", String(sshPort)]),
    ...(identityFile === undefined ? [] : ["-i", identityFile]),
    ...(knownHostsFile === undefined ? [] : ["-o", `UserKnownHostsFile="${knownHostsFile}"`]),
    ...(jumpHost === undefined ? [] : ["-J", describeAddress(jumpHost)]),
  ];
  return quoteCommand(["ssh", "-L", `${local}:${address}:${port}`, ...options, `${user}@${host}`]);
}

function named({ address, port }: Listen): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
