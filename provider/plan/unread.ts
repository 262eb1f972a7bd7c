/** What is known of an update where its repository was not read: what the server says, and no more. */
import { counted } from "../../common/text.ts";
import type { WayBack } from "../../updater/history-protocol.ts";
import type { ReleaseIdentity, ServerState } from "../../updater/protocol.ts";
import { migrationName, releaseText } from "../../updater/texts.ts";
import { servedLast } from "../place.ts";
import { lastDurations, named, type Plan, planned } from "./plan.ts";
import { line, list, replacedText, stepsAndFailure } from "./render.ts";
import type { PlannedReplacement } from "./replacement.ts";

export interface UnreadPlan extends Pick<
  Plan,
  "from" | "to" | "nothingServes" | "imageIsThere" | "last" | "replacement"
> {
  /** Why nothing else is known: `the repository could not be read: …`. */
  cause: string;
  /** Migrations of the live database that the release doesn't know. */
  missing: string[];
  /** Its migrations that the database which it gets doesn't have; undefined: not known. */
  pending: string[] | undefined;
}

/** What the server says of a release. */
interface KnownWay {
  state: ServerState;
  way: WayBack;
  /** What takes the live database's place; undefined: it stays. */
  replacement?: PlannedReplacement | undefined;
}

/** @returns undefined where nothing ever served, or the same commit did last */
export function unreadPlan(
  next: ReleaseIdentity,
  { state, way, replacement }: KnownWay,
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
    ...(replacement === undefined ? {} : { replacement: named(replacement) }),
    ...{ cause, missing: way.missing, pending: pendingOf(next, way, replacement) },
  };
}

function pendingOf(
  { migrations }: ReleaseIdentity,
  way: WayBack,
  replacement: PlannedReplacement | undefined,
): string[] | undefined {
  // Undo scripts take away what the release doesn't know, and nothing else.
  if (replacement === undefined || replacement.way === "undo-scripts") return way.pending;
  const { pending } = replacement;
  return (
    pending && migrations.filter(({ version }) => pending.includes(version)).map(migrationName)
  );
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
    ...line(missing.length === 0 ? "Database" : "", become(plan)),
    ...stepsAndFailure(plan, pending?.length ?? 0),
  ].join("\n");
}

/** Which of the two is older only their migrations tell, and these may be the same. */
function direction({ missing, pending, replacement }: UnreadPlan): string {
  if (missing.length > 0)
    return pending?.length === 0 || replacement !== undefined ? "GO BACK" : "CHANGE";
  return pending === undefined || pending.length === 0 || replacement !== undefined
    ? "CHANGE"
    : "UPDATE";
}

function become({ replacement, pending }: UnreadPlan): string {
  const migrations = pending && toCome(pending);
  if (replacement !== undefined) return replacedText(replacement, migrations);
  return migrations ?? "its migrations are not known";
}

function toCome(pending: readonly string[]): string {
  if (pending.length === 0) return "no migration to come";
  return `${counted(pending.length, "migration")} to come: ${list(pending, ", ")}`;
}
