/** `chatalot status`: what serves, whether it is as committed, and what was done last. */
import { messageOf } from "../common/errors.ts";
import { describeMilliseconds } from "../common/duration.ts";
import { describeBytes } from "../common/size.ts";
import { isUnreachable } from "../provider/server/remote-server.ts";
import type { ServerState } from "../updater/protocol.ts";
import { ROUTINES } from "../updater/schedule/protocol.ts";
import { describeAlerts } from "./alerts/command.ts";
import { serverOfStack } from "./stack.ts";

/** The whole answer of `status --json`. Members are added in later versions, never renamed. */
export interface Status {
  server: string;
  /** 0 as committed and healthy, 1 not so or out of reach, 4 a person has to decide. */
  code: 0 | 1 | 4;
  /** Why the code is what it is, in one line. */
  reason: string;
  /** Absent where the server can't be reached. */
  state?: Pick<
    ServerState,
    | "instanceId"
    | "serving"
    | "lastClosed"
    | "openJob"
    | "needsOperator"
    | "health"
    | "drift"
    | "override"
    | "usage"
    | "backups"
    | "schedule"
    | "alerts"
    | "hooks"
    | "keptVolumes"
  >;
}

/** @param usage measure the disk's use as well */
export async function readStatus(stack: string | undefined, usage: boolean): Promise<Status> {
  const server = await serverOfStack(stack);
  try {
    const state = await (usage ? server.stateWithUsage() : server.state());
    const { instanceId, serving, lastClosed, openJob, needsOperator, health, drift } = state;
    return {
      server: server.target,
      ...judge(state),
      state: {
        drift,
        ...(instanceId === undefined ? {} : { instanceId }),
        ...(serving === undefined ? {} : { serving }),
        ...(lastClosed === undefined ? {} : { lastClosed }),
        ...(openJob === undefined ? {} : { openJob }),
        ...(needsOperator === undefined ? {} : { needsOperator }),
        ...(health === undefined ? {} : { health }),
        ...(state.override === undefined ? {} : { override: state.override }),
        ...(state.backups === undefined ? {} : { backups: state.backups }),
        ...(state.schedule === undefined ? {} : { schedule: state.schedule }),
        ...(state.alerts === undefined ? {} : { alerts: state.alerts }),
        ...(state.hooks === undefined ? {} : { hooks: state.hooks }),
        ...(state.keptVolumes === undefined ? {} : { keptVolumes: state.keptVolumes }),
        ...(state.usage === undefined ? {} : { usage: state.usage }),
      },
    };
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return { server: server.target, code: 1, reason: inOneLine(messageOf(error)) };
  }
}

/** What `--check` answers. */
export function judge(state: ServerState): Pick<Status, "code" | "reason"> {
  const { code, reason } = verdictOn(state);
  return { code, reason: inOneLine(reason) };
}

function verdictOn(state: ServerState): Pick<Status, "code" | "reason"> {
  if (state.needsOperator !== undefined) {
    // Below its first line a marker has the chat's last log lines, which npx chatalot resolve shows.
    const [first = "", ...others] = state.needsOperator.trim().split("\n");
    const isCut = others.length > 0;
    return {
      code: 4,
      reason: `It needs you: ${first.trimEnd()}${isCut ? " ..." : ""} See the ways out: npx chatalot resolve`,
    };
  }
  if (state.serving?.release === undefined) return { code: 1, reason: "Nothing is deployed." };
  if (state.drift.length > 0) return { code: 1, reason: state.drift.join("; ") };
  const { health } = state;
  if (health?.status !== "ok" || health.databaseHealthy !== true)
    return {
      code: 1,
      reason: `It is not healthy: ${health?.problem ?? `status ${health?.status ?? "unknown"}`}`,
    };
  const late = [state.schedule, state.alerts].flatMap((found) => [
    ...(found?.drift ?? []),
    ...(found?.problems ?? []),
  ]);
  if (late.length > 0) return { code: 1, reason: late.join("; ") };
  return { code: 0, reason: "As committed, and healthy." };
}

function inOneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}

/** For people, one fact a line. */
export function describeStatus({ server, reason, state }: Status): string {
  const lines: [string, string][] = [["Server", server]];
  if (state !== undefined) lines.push(...factsOf(state));
  lines.push(["Result", reason]);
  return lines.map(([name, value]) => `${name.padEnd(9)}${value}`).join("\n");
}

function factsOf(state: NonNullable<Status["state"]>): [string, string][] {
  const { serving, openJob, health, override, usage, drift } = state;
  const facts: [string, string][] = [];
  if (serving?.release !== undefined) {
    const { downtime } = serving.durations;
    facts.push(
      ["Release", `${serving.release.name} (${serving.release.commit.slice(0, 7)})`],
      [
        "Updated",
        `${serving.closedAt} by ${serving.requestedBy}` +
          (downtime === undefined ? "" : `, away ${describeMilliseconds(downtime)}`),
      ],
    );
  }
  if (health !== undefined)
    facts.push(["Health", health.problem ?? `status ${health.status ?? "unknown"}`]);
  for (const line of drift) facts.push(["Drift", line]);
  if (override !== undefined) facts.push(["Yours", `${override.name}: ${override.changes}`]);
  facts.push(...hookFacts(state));
  if (openJob !== undefined)
    facts.push(["Job", `${openJob.sequence} (${openJob.kind}) at ${openJob.step}`]);
  facts.push(["Backups", backupText(state.backups)], ...scheduleFacts(state.schedule));
  if (state.alerts !== undefined)
    for (const line of describeAlerts(state.alerts).split("\n")) facts.push(["Alerts", line]);
  for (const { volume, major, sequence } of state.keptVolumes ?? [])
    facts.push([
      "Kept",
      `volume ${volume}, PostgreSQL ${major} from before job ${sequence}; when you don't need it any more, on the ` +
        `server: docker volume rm ${volume}`,
    ]);
  if (usage !== undefined) {
    const { free, trees, releases, images, volumes } = usage;
    const sizes = { free, trees, releases, images, ...volumes };
    const known = Object.entries(sizes).filter(([, size]) => size !== undefined);
    for (const [name, size] of known) facts.push(["Disk", `${name} ${describeBytes(size ?? 0)}`]);
  }
  return facts;
}

/** Which there are, what can't be run, and which failed in the last update and said what. */
function hookFacts({
  hooks,
  lastClosed,
  serving,
}: NonNullable<Status["state"]>): [string, string][] {
  const last = lastClosed?.kind === "switch" ? lastClosed : serving;
  const failed = (last?.hooks ?? []).flatMap(({ hook, problem }) =>
    problem === undefined
      ? []
      : [`${hook} failed in job ${last?.sequence}: ${problem.replaceAll("\n", " / ")}`],
  );
  const names = hooks === undefined || hooks.names.length === 0 ? [] : [hooks.names.join(", ")];
  return [...names, ...(hooks?.problems ?? []), ...failed].map((line) => ["Hooks", line]);
}

function backupText(backups: ServerState["backups"]): string {
  if (backups?.newest === undefined) return "none yet; the next release takes one";
  const { name, size, provenAt } = backups.newest;
  const proof = provenAt === undefined ? "read back only" : `proven ${provenAt}`;
  return `${backups.count}, newest ${name} (${describeBytes(size)}, ${proof})`;
}

function scheduleFacts(schedule: ServerState["schedule"]): [string, string][] {
  if (schedule === undefined) return [];
  const { routines, drift, problems } = schedule;
  const lines = ROUTINES.flatMap((routine) => {
    const state = routines[routine];
    if (state === undefined) return [];
    const { calendar, next = "never", last } = state;
    const before = last === undefined ? "not run yet" : `last ${last.at} ${last.outcome}`;
    return `${routine} at ${calendar}: next ${next}, ${before}`;
  });
  const { copies } = schedule;
  if (copies !== undefined)
    lines.push(
      `${copies.count} copies in ${copies.to}${copies.isEncrypted ? ", encrypted" : ""}, last made ${copies.at}`,
    );
  return [...lines, ...drift, ...problems].map((line) => ["Clock", line]);
}
