/** Runs an operator's program: with a time limit, as a group of its own, its output cut to lines that are safe to show. */
import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import { describeMilliseconds } from "../../common/duration.ts";
import { plainText } from "../../common/text.ts";

/** Lines that a failure shows, and their length in characters. */
const TAIL_LINES = 8;
const MAXIMUM_LINE = 300;

/** More lines than these are read and dropped, but for the last ones. */
const SHOWN_LINES = 1_000;

/** What takes no notice of SIGTERM gets SIGKILL after this many milliseconds. */
const PATIENCE = 5_000;

/** How long the last words of a program that has ended are waited for, in milliseconds. */
const LAST_WORDS = 1_000;

export interface HookProcess {
  /** The program and its arguments; none of it goes through a shell. */
  argv: readonly string[];
  /** All of its environment: nothing is inherited. */
  environment: Readonly<Record<string, string>>;
  /** Its working directory. */
  directory: string;
  /** In milliseconds. Then it is ended with everything that it started. */
  timeLimit: number;
  /** Gets its output line by line, the first thousand of them. */
  onLine: (line: string) => void;
  /** Ends it before its time. */
  signal?: AbortSignal;
}

/** Groups of processes that must not outlive this one. */
const running = new Set<number>();

process.on("exit", () => {
  for (const group of running) signalGroup(group, "SIGKILL");
});

/**
 * What the program leaves running in its group ends with it, so that nothing of it is left when the update
 * goes on.
 *
 * @returns why it failed, with the last lines that it said; undefined where its exit code was 0
 */
export async function runHookProcess(options: HookProcess): Promise<string | undefined> {
  const { argv, environment, directory, timeLimit, onLine, signal } = options;
  if (signal?.aborted === true) return "it was interrupted";
  const [file = "", ...rest] = argv;
  const child = spawn(file, rest, {
    cwd: directory,
    env: { ...environment },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const group = child.pid;
  if (group !== undefined) running.add(group);

  let reason: string | undefined;
  let force: NodeJS.Timeout | undefined;
  const endBecause = (text: string): void => {
    reason ??= text;
    if (group === undefined || force !== undefined) return;
    signalGroup(group, "SIGTERM");
    force = setTimeout(() => signalGroup(group, "SIGKILL"), PATIENCE);
  };
  const limit = setTimeout(
    () =>
      endBecause(
        `it did not end within ${describeMilliseconds(timeLimit)} and was killed with all that it started`,
      ),
    timeLimit,
  );
  const interrupt = (): void => endBecause("it was interrupted");
  signal?.addEventListener("abort", interrupt, { once: true });

  const said = lastLines(onLine);
  const readers = [child.stdout, child.stderr].map((stream) => {
    const reader = lineReader(said.add);
    stream.on("data", (chunk: Buffer) => reader.write(chunk));
    return reader;
  });
  const ended = await new Promise<{ code: number | null; by: string | null; error?: Error }>(
    (resolve) => {
      const closed = new Promise<void>((done) => child.once("close", () => done()));
      child.once("error", (error) => resolve({ code: null, by: null, error }));
      child.once("exit", (code, by) => {
        // Whatever it left behind holds its pipes, and would go on while the update does.
        if (group !== undefined) signalGroup(group, "SIGKILL");
        const late = setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, LAST_WORDS);
        void closed.then(() => {
          clearTimeout(late);
          resolve({ code, by });
        });
      });
    },
  );
  clearTimeout(limit);
  clearTimeout(force);
  signal?.removeEventListener("abort", interrupt);
  if (group !== undefined) running.delete(group);
  for (const reader of readers) reader.end();

  const why = reason ?? causeOf(ended);
  if (why === undefined) return undefined;
  const { tail } = said;
  return tail.length === 0 ? why : `${why}: ${tail.join("\n")}`;
}

function causeOf({
  code,
  by,
  error,
}: {
  code: number | null;
  by: string | null;
  error?: Error;
}): string | undefined {
  if (error !== undefined) {
    const { code: name = "unknown cause" } = error as NodeJS.ErrnoException;
    return `it could not be started (${name}${
      name === "ENOENT" ? "; is the program there that its first line names?" : ""
    })`;
  }
  if (code === 0) return undefined;
  return code === null ? `it was ended by ${by ?? "an unknown signal"}` : `exit code ${code}`;
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nothing of it is left.
  }
}

function lastLines(onLine: (line: string) => void) {
  const tail: string[] = [];
  let count = 0;
  return {
    tail,
    add: (raw: string): void => {
      const line = plainText(raw).trim();
      if (line === "") return;
      count += 1;
      if (count <= SHOWN_LINES) onLine(line);
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
    },
  };
}

/** Cuts a stream into lines; what a line has too much is dropped and never kept in memory. */
function lineReader(onLine: (line: string) => void) {
  const decoder = new StringDecoder("utf8");
  let line = "";
  const take = (text: string): void => {
    // A progress bar ends its lines with a carriage return.
    const [first = "", ...others] = text.split(/[\r\n]/);
    line = cut(line + first);
    for (const next of others) {
      onLine(line);
      line = cut(next);
    }
  };
  return {
    write: (chunk: Buffer): void => take(decoder.write(chunk)),
    end(): void {
      take(decoder.end());
      onLine(line);
      line = "";
    },
  };
}

function cut(line: string): string {
  return line.length > MAXIMUM_LINE ? line.slice(0, MAXIMUM_LINE) : line;
}
