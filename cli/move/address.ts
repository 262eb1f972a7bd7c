/** The settings of the server that a chat moves to. */
import { UserError } from "../../common/errors.ts";
import { parseServer } from "../init/questions.ts";

/** How the new server is reached, as given by flags. */
export interface NewServerOptions {
  hostKey?: string;
  identityFile?: string;
  jumpHost?: string;
}

/** What belongs to the old server alone: where it is, and what it is known by. */
const OF_ONE_SERVER = ["host", "port", "hostKey", "knownHostsFile", "jumpHost"];

/**
 * The setting `server` with another server in it. User, private key and directory stay as they are, where
 * nothing else is said.
 *
 * @param server the setting as it is; undefined: this machine
 * @param to `user@host:port`
 */
export function movedSettings(
  server: unknown,
  to: string,
  { hostKey, identityFile, jumpHost }: NewServerOptions,
): Record<string, unknown> {
  const before = typeof server === "object" && server !== null ? server : {};
  const kept = Object.entries(before).filter(([name]) => !OF_ONE_SERVER.includes(name));
  const { port, ...typed } = parseServer(to);
  return {
    ...Object.fromEntries(kept),
    ...typed,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(jumpHost === undefined ? {} : { jumpHost }),
  };
}

/** @throws UserError where it would move to where it is */
export function refuseSameDocker(old: string, next: string, target: string): void {
  if (old !== next) return;
  throw new UserError(
    `Nothing was changed: ${target} is the server that the chat is on. Name another one.`,
  );
}
