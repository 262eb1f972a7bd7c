/** What services and jobs of a server say, line by line. */
import { UserError } from "../../common/errors.ts";
import { TransportError } from "../../transport/index.ts";
import { instancePaths, jobPaths } from "../../updater/paths.ts";
import type { ProgressLine } from "../../updater/protocol.ts";
import { progressSchema } from "./answer-schemas.ts";
import type { RemoteServer } from "./remote-server.ts";

const TIMEOUT = 60_000;
const FOLLOW_TIMEOUT = 24 * 3_600_000;

/** Which log of a service, and how much of it. */
export interface ServiceLog {
  service: string;
  /** How many of the last lines. */
  lines: number;
  /** As docker takes it: `10m`, or a time. */
  since?: string;
  /** Goes on until the signal, for a day at most. */
  follow: boolean;
}

/**
 * Prints the log of a service's container, from both of its outputs.
 *
 * @throws UserError where the instance has no such container
 */
export async function printServiceLog(
  server: RemoteServer,
  { service, lines, since, follow }: ServiceLog,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { project } = server.place;
  const { stdout } = await server.transport.run(
    "find the container",
    [
      ...["docker", "ps", "--all", "--quiet"],
      ...["--filter", `label=com.docker.compose.project=${project}`],
      ...["--filter", `label=com.docker.compose.service=${service}`],
    ],
    { timeout: TIMEOUT },
  );
  const [id = ""] = stdout.split("\n");
  if (id === "")
    throw new UserError(
      `There is no log: ${server.target} has no container of service ${service} in project ${project}. ` +
        "See which there are: docker compose ps, in the directory on the server.",
    );
  const options = [
    ...["--tail", String(lines), ...(since === undefined ? [] : ["--since", since])],
    ...(follow ? ["--follow"] : []),
  ];
  try {
    await server.transport.run(
      "read the log",
      // Constant text: what the container said comes by two outputs.
      ["sh", "-c", 'exec docker logs "$@" 2>&1', "logs", ...options, id],
      { timeout: follow ? FOLLOW_TIMEOUT : TIMEOUT, onLine: print, signal },
    );
  } catch (error) {
    // The operator's own ^C is how a following ends.
    if (!(error instanceof TransportError && error.isCanceled)) throw error;
  }
}

/**
 * Prints the progress of a job.
 *
 * @param sequence the job; the newest where undefined
 */
export async function printJobLog(
  server: RemoteServer,
  sequence: number | undefined,
  print: (line: string) => void,
): Promise<void> {
  const { directory } = server.place;
  const { openJob, lastClosed } = await server.state();
  const newest = openJob?.sequence ?? lastClosed?.sequence;
  const chosen = sequence ?? newest;
  if (chosen === undefined || newest === undefined || chosen > newest)
    throw new UserError(
      `There is no ${chosen === undefined ? "job" : `job ${chosen}`} in ${directory} on ${server.target}` +
        `${newest === undefined ? "" : `; the newest is ${newest}`}.`,
    );
  const { progress } = jobPaths(instancePaths(directory), chosen);
  await server.transport.run("read the job's log", ["cat", "--", progress], {
    timeout: TIMEOUT,
    onLine: (line) => {
      const told = progressOf(line);
      if (told !== undefined) print(`${told.at} ${told.step} ${told.text}`);
    },
  });
}

/** A line of a job's progress; undefined for one that a kill cut short. */
function progressOf(line: string): ProgressLine | undefined {
  try {
    return progressSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
