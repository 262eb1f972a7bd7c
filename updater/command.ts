import { execa, ExecaError } from "execa";
import { plainText } from "../common/text.ts";

export interface CommandOptions {
  /** Ended after this many milliseconds. Default: 60 seconds. */
  timeout?: number;
  stdin?: string;
  cwd?: string;
  environment?: Record<string, string>;
  /** Called for every line of standard output and standard error as it comes. */
  onLine?: (line: string) => void;
  signal?: AbortSignal;
  /** Nobody reads its standard output, of which there may be more than memory. */
  isDiscarded?: boolean;
}

/** A program on the server that could not be run or that failed. */
export class CommandError extends Error {
  override readonly name = "CommandError";

  constructor(
    message: string,
    readonly exitCode: number | undefined,
    readonly stderr: string,
    readonly timedOut: boolean,
    options?: ErrorOptions,
    /** Whether there is no such program. */
    readonly isNotInstalled = false,
  ) {
    super(message, options);
  }
}

/** Lines of a failed program's output that its error shows. */
const TAIL_LINES = 8;

/** Enough for the longest answer that is read as a whole (an inspect of all containers). */
const MAXIMUM_OUTPUT = 16 * 1024 * 1024;

/**
 * Runs a program by its argument vector and gives its standard output.
 *
 * The error's text has the label, the cause and the end of the error output, never the arguments.
 */
export async function command(
  label: string,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const timeout = options.timeout ?? 60_000;
  const [file = "", ...rest] = argv;
  const tail: string[] = [];
  const running = execa(file, rest, {
    timeout,
    input: options.stdin ?? "",
    cwd: options.cwd ?? "/",
    env: { LC_ALL: "C.UTF-8", ...options.environment },
    forceKillAfterDelay: 5_000,
    maxBuffer: MAXIMUM_OUTPUT,
    stripFinalNewline: true,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.isDiscarded === true ? { stdout: "ignore" as const } : {}),
    // Both outputs as they come, only for who follows them. A build may print more than should be kept:
    // its lines were all handed on.
    all: options.onLine !== undefined,
    buffer: options.onLine === undefined,
  });
  const { onLine } = options;
  const followed =
    onLine === undefined
      ? undefined
      : follow(running.iterable({ from: "all" }), (line) => {
          onLine(line);
          tail.push(line);
          if (tail.length > TAIL_LINES) tail.shift();
        });
  try {
    const result = await running;
    await followed;
    return result.stdout ?? "";
  } catch (error) {
    await followed?.catch(() => undefined);
    if (error instanceof ExecaError)
      throw commandError(label, file, error as ExecaError, timeout, tail);
    throw error;
  }
}

async function follow(
  lines: AsyncIterable<unknown>,
  onLine: (line: string) => void,
): Promise<void> {
  for await (const line of lines) onLine(plainText(String(line)));
}

function commandError(
  label: string,
  file: string,
  error: ExecaError,
  timeout: number,
  followed: readonly string[],
): CommandError {
  const stderr = typeof error.stderr === "string" ? error.stderr : "";
  const output = stderr === "" && typeof error.stdout === "string" ? error.stdout : stderr;
  const lines = followed.length > 0 ? followed : plainText(output).trim().split("\n");
  const tail = lines.slice(-TAIL_LINES).join("\n");
  const cause = error.timedOut
    ? `timed out after ${timeout / 1_000} seconds`
    : error.isCanceled
      ? "was canceled"
      : error.code === "ENOENT"
        ? `the program "${file}" is not installed`
        : error.exitCode === undefined
          ? `was ended by ${error.signal ?? error.originalMessage}`
          : `exit code ${error.exitCode}`;
  return new CommandError(
    `${label}: ${cause}${tail === "" ? "" : `: ${tail}`}`,
    error.exitCode,
    stderr,
    error.timedOut,
    { cause: error },
    error.code === "ENOENT",
  );
}
