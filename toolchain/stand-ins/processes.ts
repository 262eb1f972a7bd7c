import { spawn, type ChildProcess } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

export interface ProcessOptions {
  /** What the process reads. Default: nothing. */
  stdin?: string;
  /** Variables beside this process's own. */
  environment?: Record<string, string>;
  directory?: string;
  /** The process is ended after this many seconds. Default: no limit. */
  limitSeconds?: number;
  /** Told each whole line as it arrives. */
  onLine?: (stream: "stdout" | "stderr", line: string) => void;
}

export interface ProcessResult {
  /** The exit code, or undefined where a signal ended the process. */
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

const running = new Set<ChildProcess>();

/** Runs a process to its end. Only a process that can't be started is an error. */
export function runProcess(
  argv: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error("no program was named");
  // A process group of its own, so that ending it ends what it started as well.
  const child = spawn(file, args, {
    cwd: options.directory,
    env: { ...process.env, ...options.environment },
    stdio: "pipe",
    detached: true,
  });
  running.add(child);
  const result = { stdout: "", stderr: "", timedOut: false };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => (result[stream] += text));
    const { onLine } = options;
    if (onLine) {
      createInterface({ input: child[stream] }).on("line", (line) => onLine(stream, line));
    }
  }
  // A process that ends without reading its input is no error of ours.
  child.stdin.on("error", () => undefined).end(options.stdin ?? "");
  const timer =
    options.limitSeconds === undefined
      ? undefined
      : setTimeout(() => {
          result.timedOut = true;
          end(child);
        }, options.limitSeconds * 1000);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => {
      forget();
      reject(new Error(`${file} could not be started: ${error.message}`));
    });
    child.on("close", (code) => {
      forget();
      resolve({ ...result, exitCode: code ?? undefined });
    });
    function forget(): void {
      clearTimeout(timer);
      running.delete(child);
    }
  });
}

/** Ends everything that runs: the engine has gone, or it asked for an end. */
export function endProcesses(): void {
  for (const child of running) end(child);
}

function end(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    // It has ended in this moment.
  }
}
