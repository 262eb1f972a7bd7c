/** What is wrong with a server, by what it says of itself. */
import { stat, statfs } from "node:fs/promises";
import { command } from "../command.ts";
import type { ServerState } from "../protocol.ts";
import { certificateProblem } from "./certificate.ts";
import type { AlertSettings, Condition, ConditionName } from "./protocol.ts";

/** What was found, and what could not be looked at. */
export interface Found {
  conditions: Condition[];
  unknown: ConditionName[];
}

/** All that is wrong. A job that is under way may take the chat away, so that says nothing. */
export async function findConditions(
  state: ServerState,
  settings: AlertSettings,
  directory: string,
): Promise<Found> {
  const { conditions, unknown } = conditionsOf(state);
  const [disk, certificate] = await Promise.all([
    diskProblem(directory, settings.diskFree),
    settings.url === undefined ? undefined : certificateProblem(settings.url, new Date()),
  ]);
  if (disk !== undefined) conditions.push({ name: "disk", text: disk });
  if (certificate?.state === "unknown") unknown.push("certificate");
  if (certificate?.state === "bad")
    conditions.push({ name: "certificate", text: certificate.problem });
  return { conditions, unknown };
}

/** What a server's own answer has. */
export function conditionsOf(state: ServerState): Found {
  const conditions: Condition[] = [];
  const { needsOperator, openJob, schedule, alerts } = state;
  if (needsOperator !== undefined)
    conditions.push({ name: "operator", text: `a job needs you: ${needsOperator.trim()}` });
  const chat = openJob === undefined ? chatProblem(state) : undefined;
  if (chat !== undefined) conditions.push({ name: "chat", text: chat });
  const problems = schedule?.problems ?? [];
  if (problems.length > 0) conditions.push({ name: "backup", text: problems.join("; ") });
  const drift = [...(schedule?.drift ?? []), ...(alerts?.drift ?? [])];
  if (drift.length > 0) conditions.push({ name: "timers", text: drift.join("; ") });
  return { conditions, unknown: openJob === undefined ? [] : ["chat"] };
}

function chatProblem({ serving, server, health }: ServerState): string | undefined {
  if (serving?.release === undefined) return undefined;
  if (server?.running !== true)
    return `the chat is down: its container ${server === undefined ? "is gone" : "doesn't run"}`;
  if (health?.reachable !== true)
    return `the chat is down: ${health?.problem ?? "it does not answer"}`;
  if (health.status === "ok" && health.databaseHealthy === true) return undefined;
  if (health.databaseHealthy === false) return "the chat is degraded: its database does not answer";
  return `the chat is degraded: ${health.problem ?? `status ${health.status ?? "unknown"}`}`;
}

/** Less than enough on the disk of the directory, or on Docker's. */
async function diskProblem(directory: string, least: number): Promise<string | undefined> {
  const folders = [directory, await dockerFolder()].filter((folder) => folder !== undefined);
  const seen = new Set<number>();
  const problems: string[] = [];
  for (const folder of folders) {
    const device = (await stat(folder)).dev;
    if (seen.has(device)) continue;
    seen.add(device);
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < least)
      problems.push(
        `the disk of ${folder} has ${megabytes(bavail * bsize)} MB left, less than ${megabytes(least)} MB`,
      );
  }
  return problems.length === 0 ? undefined : problems.join("; ");
}

/** Undefined where Docker doesn't say; that it is away is told by the chat that is away. */
async function dockerFolder(): Promise<string | undefined> {
  try {
    const argv = ["docker", "info", "--format", "{{.DockerRootDir}}"];
    const folder = await command("ask Docker for its folder", argv);
    await stat(folder);
    return folder;
  } catch {
    return undefined;
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1_000_000);
}
