/** What the server tests look at: the server itself, never what our own output says of it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { DemoServer } from "../../../demo/server/index.ts";
import { DIRECTORY } from "./fixture.ts";

/** Names that upstream's compose file fixes. */
export const SERVER = "chatalot-server";
export const DATABASE = "chatalot-db";

/** The label with the commit, on images and containers. */
export const COMMIT_LABEL = "org.opencontainers.image.revision";

/** A container as Docker tells it. */
export interface Container {
  id: string;
  startedAt: string;
  running: boolean;
  restartPolicy: string;
  restartCount: number;
  /** The image's id. */
  image: string;
  labels: Record<string, string>;
  environment: Record<string, string>;
}

/** One record of the ledger, as far as the tests read it. */
export interface LedgerEntry {
  sequence: number;
  kind: string;
  outcome: string;
  release?: { name: string };
  cause?: string;
  durations: { total: number; downtime?: number; build?: number };
}

/** Runs a shell script on the server and gives its standard output; a failure fails the test. */
export async function shell(demo: DemoServer, script: string, ...args: string[]): Promise<string> {
  const { stdout } = await demo.exec(["sh", "-euc", script, "sh", ...args], { timeout: 600_000 });
  return stdout.trim();
}

/** Undefined where there is no container of this name. */
export async function containerOf(demo: DemoServer, name: string): Promise<Container | undefined> {
  const { stdout, exitCode } = await demo.exec(["docker", "container", "inspect", name], {
    timeout: 300_000,
    acceptedExitCodes: [0, 1],
  });
  if (exitCode !== 0) return undefined;
  const [found] = JSON.parse(stdout) as {
    Id: string;
    Image: string;
    RestartCount: number;
    State: { StartedAt: string; Running: boolean };
    HostConfig: { RestartPolicy: { Name: string } };
    Config: { Labels: Record<string, string>; Env: string[] };
  }[];
  if (found === undefined) return undefined;
  return {
    id: found.Id,
    startedAt: found.State.StartedAt,
    running: found.State.Running,
    restartPolicy: found.HostConfig.RestartPolicy.Name,
    restartCount: found.RestartCount,
    image: found.Image,
    labels: found.Config.Labels,
    environment: Object.fromEntries(
      found.Config.Env.map((entry) => {
        const equals = entry.indexOf("=");
        return [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    ),
  };
}

/** A container that must be there. */
export async function theContainer(demo: DemoServer, name: string): Promise<Container> {
  const container = await containerOf(demo, name);
  if (container === undefined) throw new Error(`there is no container ${name}`);
  return container;
}

/** Which containers run since when: equal as long as none of them was restarted or made anew. */
export async function runningSince(demo: DemoServer): Promise<Record<string, string>> {
  const both = await Promise.all([SERVER, DATABASE].map((name) => theContainer(demo, name)));
  return Object.fromEntries(both.map(({ id, startedAt }) => [id, startedAt]));
}

/** The rows of a query, one line each, read by the database's own client. */
export async function query(demo: DemoServer, sql: string): Promise<string[]> {
  const argv = ["docker", "exec", "-i", DATABASE, "psql", "-U", "chatalot", "-d", "chatalot"];
  const options = ["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
  // Its own command ends it: the end of the input is lost where it comes before the program has started.
  const input = `${sql}\n;\n\\q\n`;
  const { stdout } = await demo.exec([...argv, ...options], { timeout: 300_000, input });
  return stdout.split("\n").filter((line) => line !== "");
}

/** The numbers of the migrations that the database has. */
export async function appliedMigrations(demo: DemoServer): Promise<number[]> {
  const rows = await query(demo, "SELECT version FROM _sqlx_migrations ORDER BY version");
  return rows.map(Number);
}

/** All records of the ledger, oldest first: one for each job that ended. */
export async function ledgerOf(demo: DemoServer): Promise<LedgerEntry[]> {
  const text = await shell(demo, `cat ${DIRECTORY}/.deploy/ledger`);
  return text.split("\n").map((line) => JSON.parse(line.slice(line.indexOf("{"))) as LedgerEntry);
}

/** How many jobs were ever opened, whatever came of them. */
export async function numberOfJobs(demo: DemoServer): Promise<number> {
  return Number(await shell(demo, `ls ${DIRECTORY}/.deploy/jobs | wc -l`));
}

/** The version of the web client, which unlike the server's own differs from release to release. */
export async function webVersion(baseUrl: string): Promise<string> {
  const answer = await fetch(`${baseUrl}/version.json`, { signal: AbortSignal.timeout(5_000) });
  return ((await answer.json()) as { version: string }).version;
}

interface Health {
  status: string;
  version: string;
  db_healthy: boolean;
}

/** What /api/health says. */
export async function healthOf(baseUrl: string): Promise<Health> {
  const answer = await fetch(`${baseUrl}/api/health`, { signal: AbortSignal.timeout(10_000) });
  return (await answer.json()) as Health;
}

/** Resolves when a chat says that it is well. */
export async function untilHealthy(baseUrl: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const { status } = await healthOf(baseUrl).catch(() => ({ status: "away" }));
    if (status === "ok") return;
    await sleep(200);
  }
  throw new Error(`the chat at ${baseUrl} did not become healthy`);
}

/** What Docker did to a container (`start`, `kill`, `die`, ...), and when in milliseconds since 1970. */
export async function eventsOf(
  demo: DemoServer,
  name: string,
  since: number,
): Promise<{ action: string; at: number }[]> {
  const text = await shell(
    demo,
    'docker events --since "$1" --until "$2" --filter "container=$3" --format "{{.TimeNano}} {{.Action}}"',
    ...[String(since / 1_000), String(Date.now() / 1_000), name],
  );
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [time = "", action = ""] = line.split(" ");
    return { action, at: Number(time) / 1_000_000 };
  });
}

/** The images of the project's releases: commit → when its tag was last set. */
export async function releaseImages(demo: DemoServer): Promise<Record<string, number>> {
  const names = await shell(
    demo,
    "docker images --filter 'reference=chatalot-deploy/*' --format '{{.Repository}}:{{.Tag}}'",
  );
  const images: Record<string, number> = {};
  for (const name of names.split("\n").filter((line) => line !== "")) {
    const format = "{{json .Metadata.LastTagTime}}";
    const time = await shell(demo, 'docker image inspect --format "$1" "$2"', format, name);
    images[name.slice(name.indexOf(":") + 1)] = Date.parse(JSON.parse(time) as string);
  }
  return images;
}
