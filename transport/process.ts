import type { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { execa } from "execa";
import { messageOf } from "../common/errors.ts";
import type { RunOptions } from "./transport.ts";

/** More output than this many bytes is a mistake, not an answer; of what is taken by the line, a longer line. */
export const MOST_OUTPUT = 16 * 1024 * 1024;

/** A process that ignores SIGTERM gets SIGKILL after this many milliseconds. */
const PATIENCE = 2_000;

/** Timers of Node.js fire at once where they are set for later than this many milliseconds. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** How a process ended. */
export type Outcome = { stdout: string; stderr: string } & (
  | { kind: "exited"; exitCode: number }
  | { kind: "killed"; by: string }
  | { kind: "timeout" | "canceled" | "too-much-output" }
  | { kind: "not-started"; cause: string }
);

/** Why this module ended a process before its time. */
type Ending = "timeout" | "canceled" | "too-much-output";

/** Groups of processes that must not outlive this one. */
const running = new Set<number>();

process.on("exit", () => {
  for (const pid of running) signalGroup(pid, "SIGKILL");
});

/**
 * Runs a program and collects what it says, but for the standard output that goes elsewhere. Resolves whatever happens to the program; rejects only
 * where `stdin` can't be read or `onLine` throws.
 *
 * The program gets a session of its own: a ^C in the operator's terminal reaches this process, which
 * decides what becomes of the program, and everything the program started ends with it.
 */
export async function runProcess(
  file: string,
  args: readonly string[],
  options: Pick<RunOptions, "stdin" | "stdout" | "timeout" | "signal" | "onLine"> & {
    environment?: Record<string, string>;
  },
): Promise<Outcome> {
  const { stdin, timeout, signal, onLine } = options;
  if (!Number.isInteger(timeout) || timeout <= 0 || timeout > LONGEST_TIMEOUT) {
    throw new TypeError(`expected a timeout from 1 to ${LONGEST_TIMEOUT} ms, got ${timeout}`);
  }
  if (signal?.aborted) return { kind: "canceled", stdout: "", stderr: "" };

  const child = execa(file, args, {
    ...(stdin === undefined ? { stdin: "ignore" } : { input: stdin }),
    ...(options.environment === undefined ? {} : { env: options.environment }),
    buffer: false,
    detached: true,
    cleanup: false,
    reject: false,
  });
  if (child.pid !== undefined) running.add(child.pid);

  let ending: Ending | undefined;
  let failure: { error: unknown } | undefined;
  let force: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (child.pid === undefined || force !== undefined) return;
    signalGroup(child.pid, "SIGTERM");
    force = setTimeout(() => {
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
      abandonStreams();
    }, PATIENCE);
  };
  // What it started may hold its pipes open, on this machine or at the other end of a connection:
  // once the process has been ended, nobody waits for them.
  const abandonStreams = (): void => {
    child.stdin?.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const endBecause = (reason: Ending): void => {
    ending ??= reason;
    end();
  };

  const timer = setTimeout(() => endBecause("timeout"), timeout);
  const cancel = (): void => endBecause("canceled");
  signal?.addEventListener("abort", cancel, { once: true });
  child.once("exit", () => {
    if (ending !== undefined || failure !== undefined) abandonStreams();
  });

  const lines = onLine === undefined ? undefined : lineReader(onLine);
  const collected = { stdout: collector(), stderr: collector() };
  const fail = (error: unknown): void => {
    failure ??= { error };
    end();
  };
  const collect = (name: "stdout" | "stderr", chunk: Buffer): void => {
    if (ending !== undefined || failure !== undefined) return;
    if (!collected[name].add(chunk)) endBecause("too-much-output");
  };
  const passLines = (reader: LineReader, chunk: Buffer): void => {
    if (ending !== undefined || failure !== undefined) return;
    try {
      reader.write(chunk);
    } catch (error) {
      fail(error);
    }
    if (reader.pending > MOST_OUTPUT) endBecause("too-much-output");
  };
  const passOn = (destination: Writable, chunk: Buffer): void => {
    if (ending !== undefined || failure !== undefined || destination.write(chunk)) return;
    child.stdout.pause();
    destination.once("drain", () => child.stdout.resume());
  };
  const { stdout } = options;
  stdout?.once("error", fail);
  child.stdout.on("data", (chunk: Buffer) => {
    if (stdout !== undefined) passOn(stdout, chunk);
    else if (lines !== undefined) passLines(lines, chunk);
    else collect("stdout", chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => collect("stderr", chunk));

  const result = await child;
  clearTimeout(timer);
  clearTimeout(force);
  signal?.removeEventListener("abort", cancel);
  stdout?.off("error", fail);
  if (child.pid !== undefined) running.delete(child.pid);

  if (failure !== undefined) throw failure.error;
  const output = { stdout: collected.stdout.text(), stderr: collected.stderr.text() };
  if (ending !== undefined) return { kind: ending, ...output };
  if (child.pid === undefined) {
    return { kind: "not-started", cause: result.code ?? "unknown cause", ...output };
  }
  // The program may have ended well, having read a part. An error of execa names the command, which
  // no error of ours may do, so that only what is below it is passed on.
  if (result.cause !== undefined) {
    throw new Error(`reading the command's standard input failed: ${messageOf(result.cause)}`);
  }
  lines?.end();
  if (result.exitCode !== undefined) {
    return { kind: "exited", exitCode: result.exitCode, ...output };
  }
  return { kind: "killed", by: result.signal ?? "an unknown signal", ...output };
}

/** Signals a process and all that it started. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended already, or belongs to root (below sudo), where `timeout` ends it.
  }
}

function collector() {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    /** False when it is too much. */
    add(chunk: Buffer): boolean {
      size += chunk.length;
      if (size <= MOST_OUTPUT) chunks.push(chunk);
      return size <= MOST_OUTPUT;
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
  };
}

type LineReader = ReturnType<typeof lineReader>;

/** Cuts a stream into lines. A character or a line may be spread over any number of chunks. */
export function lineReader(onLine: (line: string) => void) {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return {
    /** How long the line is that has no end yet. */
    get pending(): number {
      return rest.length;
    },
    write(chunk: Buffer): void {
      const [first = "", ...others] = decoder.write(chunk).split("\n");
      rest += first;
      for (const line of others) {
        onLine(rest);
        rest = line;
      }
    },
    /** The last line may lack its line end. */
    end(): void {
      rest += decoder.end();
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
