/** A release, or settings of it, that were tried and taken back: no preview lets them be repeated unasked. */
import type { ServerState } from "../updater/protocol.ts";
import { repeatedRevert } from "../updater/texts.ts";
import { asksForChange } from "./change.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { restoredBackup } from "./database-refusals.ts";
import type { Foresight } from "./foreseen.ts";
import { identityOf } from "./release.ts";

/**
 * Of a release that never served the release failed, whatever the settings are. Of one that serves, or served
 * before, only the server can tell whether these are the settings, and this the backup, that failed.
 *
 * @param olds the inputs of the last run
 * @param foresee undefined where something else is refused already
 */
export async function triedRefusals(
  olds: Wire,
  news: Wire,
  state: ServerState,
  foresee: Foresight | undefined,
): Promise<string[]> {
  const { name, commit } = identityOf(news);
  const tried = state.reverted.find((entry) => entry.commit === commit);
  if (tried === undefined || tried.sequence === news.retry) return [];
  const serves = state.serving?.release?.commit === commit;
  if (!serves && tried.served !== true) return [repeatedRevert(name, tried)];
  const restored = restoredBackup(news, state);
  const isAsked =
    !serves || asksForChange(olds, restored === undefined ? news : { ...news, restored });
  // Whoever looks without Pulumi's state has no secrets to compare, and neither the values of variables.
  if (foresee === undefined || !isAsked || hasUnknown(news.secrets)) return [];
  const answer = await foresee();
  return answer?.answer === "refused" ? answer.reasons : [];
}
