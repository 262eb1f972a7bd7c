/** What is known of an update where its repository was not read: what the server says, and no more. */
import { counted } from "../../common/text.ts";
import type { WayBack } from "../../updater/history-protocol.ts";
import type { ReleaseIdentity, ServerState } from "../../updater/protocol.ts";
import { releaseText } from "../../updater/texts.ts";
import { servedLast } from "../place.ts";
import { lastDurations, type Plan, planned } from "./plan.ts";
import { line, list, stepsAndFailure } from "./render.ts";

export interface UnreadPlan extends Pick<
  Plan,
  "from" | "to" | "nothingServes" | "imageIsThere" | "last"
> {
  /** Why nothing else is known: `the repository could not be read: …`. */
  cause: string;
  /** Migrations of the live database that the release doesn't know. */
  missing: string[];
  /** Its migrations that the live database doesn't have. */
  pending: string[];
}

/** @returns undefined where nothing ever served, or the same commit did last */
export function unreadPlan(
  next: ReleaseIdentity,
  { state, way }: { state: ServerState; way: WayBack },
  cause: string,
): UnreadPlan | undefined {
  const last = servedLast(state);
  const running = last?.release;
  if (running === undefined || running.commit === next.commit) return undefined;
  return {
    from: planned(running.name, running.commit, running.webVersion ?? running.crateVersion),
    ...(state.serving === undefined ? { nothingServes: true } : {}),
    to: planned(next.name, next.commit, next.webVersion ?? next.crateVersion),
    imageIsThere: state.prepared.includes(next.commit),
    last: lastDurations(last?.durations, state.measured),
    ...{ cause, missing: way.missing, pending: way.pending },
  };
}

/** As the plan of a release that was read, in the same 80 columns. */
export function renderUnread(plan: UnreadPlan): string {
  const { from, to, cause, missing, pending } = plan;
  return [
    ...line(direction(plan), `${releaseText(from)} -> ${releaseText(to)}`),
    ...line("UNREAD", `what it changes, breaks and requires is not known: ${cause}`),
    ...(missing.length === 0
      ? []
      : line("Database", `the release does not know ${list(missing, ", ")}`)),
    ...line(missing.length === 0 ? "Database" : "", toCome(pending)),
    ...stepsAndFailure(plan, pending.length),
  ].join("\n");
}

/** Which of the two is older only their migrations tell, and these may be the same. */
function direction({ missing, pending }: UnreadPlan): string {
  if (missing.length > 0 && pending.length === 0) return "GO BACK";
  return pending.length > 0 && missing.length === 0 ? "UPDATE" : "CHANGE";
}

function toCome(pending: readonly string[]): string {
  if (pending.length === 0) return "no migration to come";
  return `${counted(pending.length, "migration")} to come: ${list(pending, ", ")}`;
}
