import { execa } from "execa";
import { UserError } from "../common/errors.ts";

/** Told one line of progress at a time. */
export type Report = (line: string) => void;

/** How often a long step says that it goes on, in milliseconds. */
const progressInterval = 15_000;

export interface StepOptions {
  /** The step is ended and fails after this many seconds. */
  limitSeconds: number;
  /** Told the step's start, its elapsed time each 15 s, and its end. Default: silent. */
  report?: Report;
  /** Variables beside this process's own; undefined takes one away. */
  environment?: Record<string, string | undefined>;
  /** The working directory. Default: this process's. */
  directory?: string;
  /** What the operator should do when it fails, as a sentence. */
  whenItFails: string;
}

/**
 * Runs one command of the set-up and returns its standard output.
 *
 * @param what what the command does, for people: "build the Pulumi engine"
 * @throws UserError with the end of the command's output
 */
export async function runStep(
  what: string,
  argv: readonly [string, ...string[]],
  options: StepOptions,
): Promise<string> {
  const started = Date.now();
  const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
  options.report?.(`${capitalized(what)} ...`);
  const timer = setInterval(
    () => options.report?.(`  still at it: ${what} (${elapsed()})`),
    progressInterval,
  );
  try {
    const [file, ...args] = argv;
    const result = await execa(file, args, {
      cwd: options.directory,
      env: options.environment,
      stdin: "ignore",
      timeout: options.limitSeconds * 1000,
      all: true,
      reject: false,
      maxBuffer: 16 * 1024 * 1024,
    });
    if (result.failed) {
      const cause = result.timedOut
        ? `no end after ${options.limitSeconds} s`
        : result.code === "ENOENT"
          ? `there is no ${file}`
          : `${file} ended with ${result.exitCode === undefined ? `signal ${result.signal}` : `exit code ${result.exitCode}`}`;
      const tail = lastLines(result.all ?? "", 15);
      throw new UserError(
        `Could not ${what}: ${cause}. ${options.whenItFails}` + (tail && `\n${tail}`),
      );
    }
    options.report?.(`  done in ${elapsed()}`);
    return result.stdout;
  } finally {
    clearInterval(timer);
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
