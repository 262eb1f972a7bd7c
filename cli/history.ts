/** `chatalot history`: the stack's updates, newest first, and which of them can be gone back to. */
import { historyOf } from "../provider/server/server-history.ts";
import type { RemoteServer } from "../provider/server/remote-server.ts";
import type { InstanceHistory } from "../updater/history-protocol.ts";
import { historyEntries, type HistoryEntry } from "./history/entries.ts";
import { pulumiHistory, type PulumiUpdate } from "./history/pulumi-history.ts";
import { historyTable } from "./history/table.ts";
import { serverOfStack } from "./stack.ts";

/** What was read of both sides. */
export interface StackHistory {
  server: RemoteServer;
  /** The server's side. */
  instance: InstanceHistory;
  /** Pulumi's side, newest first. */
  updates: PulumiUpdate[];
  /** Both, joined, newest first. */
  entries: HistoryEntry[];
}

/**
 * Reads both histories at once.
 *
 * @param showSecrets whether Pulumi's comes with the values of secrets
 */
export async function readHistory(
  stack: string | undefined,
  tell: (text: string) => void,
  showSecrets = false,
): Promise<StackHistory> {
  const [[server, instance], updates] = await Promise.all([
    serverOfStack(stack).then(async (found) => [found, await historyOf(found, tell)] as const),
    pulumiHistory(stack, showSecrets),
  ]);
  return { server, instance, updates, entries: historyEntries(instance, updates) };
}

/** For people. */
export function describeHistory({ server, instance, entries }: StackHistory): string {
  const { openJob } = instance;
  return [
    `${server.target}, ${server.place.directory}; times in UTC`,
    ...(openJob === undefined
      ? []
      : [`Job ${openJob.sequence} (${openJob.kind}) is under way, at step ${openJob.step}.`]),
    "",
    ...(entries.length === 0 ? ["Nothing was deployed yet."] : historyTable(entries)),
    "",
    "Go back: npx chatalot rollback --to <job>. First see what it would do: --preview.",
  ].join("\n");
}
