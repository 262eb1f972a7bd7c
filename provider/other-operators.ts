/**
 * Two operators, two machines, two backends: a stack that has not seen what somebody else brought must not
 * take it back. The server's ledger is the truth; a stack knows the number of the last job that it saw.
 */
import { UserError } from "../common/errors.ts";
import { pinned } from "../release/reference.ts";
import type { LedgerRecord, ServerState } from "../updater/protocol.ts";
import { releaseText } from "../updater/texts.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import type { Foresight } from "./foreseen.ts";
import { labelled, line, restartStep } from "./plan/render.ts";
import type { ResourceContext } from "./resource.ts";

/** What serves, and the switch that brought it: no backup and no other job has a part in it. */
interface Brought {
  sequence: number;
  commit: string;
  text: string;
}

/** Noted among the inputs, because a diff sees values only. */
export function broughtAddition(news: Wire, { serving }: ServerState): Wire {
  if (hasUnknown(news.commit) || serving?.release === undefined) return {};
  const { sequence, release } = serving;
  return { brought: { sequence, commit: release.commit, text: textOf(serving) } satisfies Brought };
}

/** A stack that deployed nothing yet begins with what serves: a lost state, a second machine. */
export function unknownServing(olds: Wire, news: Wire, { serving }: ServerState): string[] {
  if (Object.keys(olds).length > 0 || serving?.release === undefined) return [];
  if (hasUnknown(news.commit) || serving.release.commit === news.commit) return [];
  return [
    `This stack has deployed nothing here yet, but ${textOf(serving)}. Nothing is changed. Begin with ` +
      "what serves, which restarts nothing where the settings are the same: pulumi config set release " +
      `${pinned(serving.release)} && pulumi up. Then update.`,
  ];
}

/**
 * Says of a stack that deployed nothing yet, and asks for the release that serves, when its settings take the
 * place of those that serve: whoever lost a state may have lost settings as well.
 */
export async function tellOtherSettings(
  context: Pick<ResourceContext, "tell">,
  olds: Wire,
  news: Wire,
  { serving, drift }: ServerState,
  foresee: Foresight,
): Promise<void> {
  if (Object.keys(olds).length > 0 || serving === undefined) return;
  if (serving.release?.commit !== news.commit) return;
  const answer = (await foresee())?.answer;
  if (answer !== undefined && answer !== "would-start") return;
  // A server that is to be mended would be started as well.
  const isKnown = answer === "would-start" && drift.length === 0;
  context.tell(
    labelled(
      "SETTINGS",
      `${textOf(serving)}, ${isKnown ? "with other settings than" : "which may have other settings than"} ` +
        `this stack's. This stack's ${isKnown ? "" : "then "}replace them, and what is missing here is gone; ` +
        restartStep(serving.durations.downtime),
    ),
  );
}

/**
 * Refuses to bring the same release again over one that this stack has not seen. Another release in the
 * settings is a decision; so is `pulumi refresh`, after which the stack has seen it.
 *
 * @param olds the outputs of this stack's last run
 */
export function refuseToTakeBack(olds: Wire, news: Wire): void {
  const brought = unseen(olds, news);
  if (brought === undefined || brought.commit === news.commit || olds.commit !== news.commit)
    return;
  throw new UserError(
    `This stack would take back what it has not seen: ${brought.text}, and this stack's last job was ` +
      `${String(olds.sequence)}. Nothing is changed. Look: npx chatalot history. To keep what serves, set "release" ` +
      "to it; to go back all the same: pulumi refresh, then pulumi up.",
  );
}

/**
 * Whether the release that is asked for was brought by a job that this stack has not seen, and so with
 * settings that it doesn't know. That is no reason to refuse: one's own update looks the same after an
 * interruption. The server compares the settings.
 *
 * @param olds the outputs of this stack's last run
 */
export function hasUnseenSettings(olds: Wire, news: Wire): boolean {
  return unseen(olds, news)?.commit === news.commit;
}

/** @param olds the outputs of this stack's last run */
export function tellUnseenSettings(
  context: Pick<ResourceContext, "tell">,
  olds: Wire,
  news: Wire,
): void {
  const brought = unseen(olds, news);
  if (brought === undefined) return;
  context.tell(
    [
      ...line(
        "SETTINGS",
        `${brought.text}, which this stack has not seen: its last job was ${String(olds.sequence)}. Where ` +
          "its settings differ from this stack's, this stack's replace them, with one restart of the " +
          "server: CHAT IS AWAY",
      ),
      ...line("Look", "npx chatalot history"),
    ].join("\n"),
  );
}

/** What was brought since this stack's last job. A stack of an earlier version didn't note its number. */
function unseen(olds: Wire, news: Wire): Brought | undefined {
  const brought = news.brought as Brought | undefined;
  if (brought === undefined || typeof olds.sequence !== "number") return undefined;
  return brought.sequence > olds.sequence ? brought : undefined;
}

function textOf({ sequence, release, closedAt, requestedBy }: LedgerRecord): string {
  const name = release === undefined ? "another release" : releaseText(release);
  return `${name} serves since ${closedAt}, brought by ${requestedBy} (job ${sequence})`;
}
