/** `npx chatalot logs`: what a service of the chat says, or what a job told, from the server. */
import { printJobLog, printServiceLog } from "../provider/server/server-logs.ts";
import { plainText } from "../common/text.ts";
import { MAIN_SERVICE } from "../release/compose-file.ts";
import { UsageError } from "./exit-codes.ts";
import { serverOfStack } from "./stack.ts";

export interface LogOptions {
  /** How many of the last lines. @default "100" */
  lines?: string;
  /** Only what came since then: `10m`, `2h`, or a time such as `2026-01-31T20:00:00Z`. */
  since?: string;
  /** Goes on until ^C. */
  follow?: boolean;
  /** The progress of a job instead: by its number, or of the newest. */
  job?: string | true;
}

const SERVICE = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/;
const SINCE = /^(\d{1,6}[smh]|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?)$/;

/**
 * Prints line by line, without colours and other control characters.
 *
 * @param service by default the server itself
 * @param signal ends the following
 */
export async function logs(
  stack: string | undefined,
  service: string | undefined,
  options: LogOptions,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  checkOptions(service, options);
  const server = await serverOfStack(stack);
  const show = (line: string): void => print(plainText(line));
  const { job, lines = "100", since, follow = false } = options;
  if (job !== undefined) {
    await printJobLog(server, job === true ? undefined : Number(job), show);
    return;
  }
  const wanted = { service: service ?? MAIN_SERVICE, lines: Number(lines), follow };
  await printServiceLog(server, since === undefined ? wanted : { ...wanted, since }, show, signal);
}

/** All that is wrong at once; these become arguments of docker's. */
export function checkOptions(
  service: string | undefined,
  { lines, since, follow = false, job }: LogOptions,
): void {
  const problems: string[] = [];
  const ofServices = [
    ...(service === undefined ? [] : [`the service ${JSON.stringify(service)}`]),
    ...(lines === undefined ? [] : ["--lines"]),
    ...(since === undefined ? [] : ["--since"]),
    ...(follow ? ["--follow"] : []),
  ];
  if (job !== undefined && ofServices.length > 0)
    problems.push(`${ofServices.join(", ")}: not with --job, which shows all that a job told`);
  if (service !== undefined && !SERVICE.test(service))
    problems.push(`the service ${JSON.stringify(service)}: expected a name, for example postgres`);
  if (lines !== undefined && !/^\d{1,6}$/.test(lines))
    problems.push(`--lines ${JSON.stringify(lines)}: expected a number, for example 100`);
  if (since !== undefined && !SINCE.test(since))
    problems.push(`--since ${JSON.stringify(since)}: expected 10m, 2h or 2026-01-31T20:00:00Z`);
  if (typeof job === "string" && !/^\d{1,9}$/.test(job))
    problems.push(`--job ${JSON.stringify(job)}: expected a job's number, for example 12`);
  if (problems.length > 0)
    throw new UsageError(
      `The log can't be shown: ${problems.join("; ")}. See npx chatalot logs --help.`,
    );
}
