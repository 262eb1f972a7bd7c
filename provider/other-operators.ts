/**
 * Two operators, two machines, two backends: a stack that has not seen what somebody else brought must not
 * take it back. The server's ledger is the truth; a stack knows the number of the last job that it saw.
 */
import { UserError } from "../common/errors.ts";
import { pinned } from "../release/reference.ts";
import type { LedgerRecord, ServerState } from "../updater/protocol.ts";
import { releaseText } from "../updater/texts.ts";
import { hasUnknown, type Wire } from "./codec.ts";

/** What serves, where it is another commit than this stack asks for. */
interface Other {
  sequence: number;
  text: string;
}

/** Noted among the inputs, because a diff sees values only. */
export function otherAddition(news: Wire, { serving }: ServerState): Wire {
  if (hasUnknown(news.commit) || serving?.release === undefined) return {};
  if (serving.release.commit === news.commit) return {};
  return { other: { sequence: serving.sequence, text: textOf(serving) } satisfies Other };
}

/** A stack that deployed nothing yet begins with what serves: a lost state, a second machine. */
export function unknownServing(olds: Wire, news: Wire, { serving }: ServerState): string[] {
  if (Object.keys(olds).length > 0 || serving?.release === undefined) return [];
  if (hasUnknown(news.commit) || serving.release.commit === news.commit) return [];
  return [
    `This stack has deployed nothing here yet, but ${textOf(serving)}. Nothing is changed. Begin with ` +
      `what serves, which restarts nothing: pulumi config set release ${pinned(serving.release)} && pulumi up. Then update.`,
  ];
}

/**
 * Refuses to bring the same release again over one that this stack has not seen. Another release in the
 * settings is a decision; so is `pulumi refresh`, after which the stack has seen it.
 *
 * @param olds the outputs of this stack's last run
 */
export function refuseToTakeBack(olds: Wire, news: Wire): void {
  const other = news.other as Other | undefined;
  if (other === undefined || typeof olds.sequence !== "number") return;
  if (other.sequence <= olds.sequence || olds.commit !== news.commit) return;
  throw new UserError(
    `This stack would take back what it has not seen: ${other.text}, and this stack's last job was ` +
      `${olds.sequence}. Nothing is changed. Look: npx chatalot history. To keep what serves, set "release" ` +
      "to it; to go back all the same: pulumi refresh, then pulumi up.",
  );
}

function textOf({ sequence, release, closedAt, requestedBy }: LedgerRecord): string {
  const name = release === undefined ? "another release" : releaseText(release);
  return `${name} serves since ${closedAt}, brought by ${requestedBy} (job ${sequence})`;
}
