/** What services and jobs of a server say, line by line. */
import * as z from "zod";
import { isReachedByRunner } from "../../common/runner-rule.ts";
import { UserError } from "../../common/errors.ts";
import { TransportError } from "../../transport/index.ts";
import { instancePaths, jobPaths } from "../../updater/paths.ts";
import type { ProgressLine } from "../../updater/protocol.ts";
import type { ServiceLogRequest } from "../../updater/runner/protocol.ts";
import { containerArguments, logArguments, type ServiceLog } from "../../updater/service-log.ts";
import { progressSchema } from "./job-schemas.ts";
import { readAnswer, word } from "./answers.ts";
import type { RemoteServer } from "./remote-server.ts";

const TIMEOUT = 60_000;
const FOLLOW_TIMEOUT = 24 * 3_600_000;

const containerSchema = z.object({ container: word });

/**
 * Prints the log of a service's container, from both of its outputs.
 *
 * @throws UserError where the instance has no such container
 */
export async function printServiceLog(
  server: RemoteServer,
  log: ServiceLog,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const timeout = log.follow ? FOLLOW_TIMEOUT : TIMEOUT;
  try {
    if (isReachedByRunner(server.place)) await callForLog(server, log, print, { timeout, signal });
    else {
      const id = await containerOf(server, log.service);
      const options = { timeout, onLine: print, signal };
      await server.transport.run("read the log", logArguments(log, id), options);
    }
  } catch (error) {
    // The operator's own ^C is how a following ends.
    if (!(error instanceof TransportError && error.isCanceled)) throw error;
  }
}

async function containerOf(server: RemoteServer, service: string): Promise<string> {
  const argv = containerArguments(server.place.project, service);
  const { stdout } = await server.transport.run("find the container", argv, { timeout: TIMEOUT });
  const [id = ""] = stdout.split("\n");
  if (id === "") throw noContainer(server, service);
  return id;
}

/** The runner's first line says whether there is a container. */
async function callForLog(
  server: RemoteServer,
  log: ServiceLog,
  print: (line: string) => void,
  options: { timeout: number; signal: AbortSignal },
): Promise<void> {
  const { directory, project } = server.place;
  const request: ServiceLogRequest = { directory, project, ...log };
  let found: string | undefined;
  await server.call(
    "read the log",
    { verb: "service-log" },
    {
      ...options,
      stdin: JSON.stringify(request),
      onLine: (line) => {
        if (found === undefined)
          found = readAnswer(containerSchema, line, server.answerTo("answer")).container;
        else print(line);
      },
    },
  );
  if (found === "") throw noContainer(server, log.service);
}

function noContainer({ target, place }: RemoteServer, service: string): UserError {
  return new UserError(
    `There is no log: ${target} has no container of service ${service} in project ${place.project}. ` +
      "See which there are: docker compose ps, in the directory on the server.",
  );
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
  const options = {
    timeout: TIMEOUT,
    onLine: (line: string): void => {
      const told = progressOf(line);
      if (told !== undefined) print(`${told.at} ${told.step} ${told.text}`);
    },
  };
  if (isReachedByRunner(server.place))
    await server.call("read the job's log", { verb: "job-log", numbers: [chosen] }, options);
  else await server.transport.run("read the job's log", ["cat", "--", progress], options);
}

/** A line of a job's progress; undefined for one that a kill cut short. */
function progressOf(line: string): ProgressLine | undefined {
  try {
    return progressSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
