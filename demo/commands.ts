import { execa } from "execa";
import { UserError } from "../common/errors.ts";

/** Where progress goes, one line at a time. */
export type Report = (line: string) => void;

/** How {@link run} runs a program on this machine. */
export interface RunOptions {
  /** The program is killed after this many milliseconds. */
  timeout: number;
  /** What it reads. Default: nothing. */
  input?: string | Uint8Array;
  /** Added to this process's environment. */
  environment?: Record<string, string>;
  /** Where it runs. Default: here. */
  directory?: string;
  /**
   * Exit codes that are an answer and not a failure.
   *
   * @default [0]
   */
  acceptedExitCodes?: readonly number[];
}

/** What a program that ended with an accepted exit code left behind. */
export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program on this machine to its end.
 *
 * @param label what it does, for the error text: "boot the demo server"
 * @throws UserError with the last lines it wrote
 */
export async function run(
  label: string,
  argv: readonly [string, ...string[]],
  options: RunOptions,
): Promise<Outcome> {
  const [program, ...rest] = argv;
  const result = await execa(program, rest, {
    reject: false,
    timeout: options.timeout,
    forceKillAfterDelay: 2_000,
    maxBuffer: 20_000_000,
    env: options.environment ?? {},
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  const accepted = options.acceptedExitCodes ?? [0];
  if (result.exitCode !== undefined && !result.timedOut && accepted.includes(result.exitCode)) {
    return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  }
  throw new UserError(`Could not ${label}: ${causeOf(result, options.timeout)}`);
}

/** Runs the docker client; see {@link run}. */
export async function docker(
  label: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<Outcome> {
  return run(label, ["docker", ...argv], options);
}

interface Ended {
  exitCode?: number | undefined;
  timedOut: boolean;
  stdout: string;
  stderr: string;
  shortMessage?: string;
}

function causeOf(result: Ended, timeout: number): string {
  const lines = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-15).join("\n");
  if (result.timedOut) return `no end after ${timeout / 1_000} s. It last wrote:\n${lines}`;
  if (result.exitCode === undefined) return result.shortMessage ?? "it did not start.";
  return `exit code ${result.exitCode}. It last wrote:\n${lines}`;
}
