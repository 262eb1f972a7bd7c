/** The way for the database that the settings name, where it is meant for what serves now. */
import type { DatabaseRollback } from "../settings/parse.ts";
import type { ServerState } from "../updater/protocol.ts";
import { hasUnknown, type Wire } from "./codec.ts";

/** @returns undefined where there is none, or it was for another job than the one that brought what serves */
export function rollbackInForce(
  { rollback }: Wire,
  { serving }: Pick<ServerState, "serving">,
): DatabaseRollback | undefined {
  if (rollback === undefined || hasUnknown(rollback)) return undefined;
  const named = rollback as DatabaseRollback;
  return named.job === (serving?.sequence ?? 0) ? named : undefined;
}
