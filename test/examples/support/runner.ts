/** Runs the scripts of workflows as the forge does. */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunStep } from "./gitops.ts";

/** How a script ended. */
export interface ScriptRun {
  exitCode: number;
  output: string;
  /** What it handed to later steps of its job. */
  outputs: Record<string, string>;
  environment: Record<string, string>;
}

/** A machine of the forge: a workspace, a place for temporary files, and programs that stand in for others. */
export class Runner {
  private constructor(private readonly folder: string) {}

  static async start(): Promise<Runner> {
    const runner = new Runner(await mkdtemp(join(tmpdir(), "chatalot-deploy-runner-")));
    for (const name of ["workspace", "temp", "programs", "home"]) await mkdir(runner.at(name));
    return runner;
  }

  at(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  stop(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  /** Puts a program before those of this machine. */
  async program(called: string, text: string): Promise<void> {
    await writeFile(this.at("programs", called), text);
    await chmod(this.at("programs", called), 0o755);
  }

  /** Runs the script of a step as the forge does. */
  async run({ run }: RunStep, variables: Record<string, string>): Promise<ScriptRun> {
    const files = { GITHUB_OUTPUT: this.at("outputs"), GITHUB_ENV: this.at("environment") };
    for (const file of Object.values(files)) await writeFile(file, "");
    await writeFile(this.at("script.sh"), run);
    const { exitCode, output } = await bash([this.at("script.sh")], {
      cwd: this.at("workspace"),
      env: {
        ...{ PATH: `${this.at("programs")}:${process.env.PATH}`, HOME: this.at("home") },
        ...{ RUNNER_TEMP: this.at("temp"), ...files, ...variables },
      },
    });
    return {
      ...{ exitCode, output },
      outputs: assignments(await readFile(files.GITHUB_OUTPUT, "utf8")),
      environment: assignments(await readFile(files.GITHUB_ENV, "utf8")),
    };
  }
}

/** Gives each test of a suite a runner of its own. */
export function useRunner(): () => Runner {
  let runner: Runner;
  beforeEach(async () => void (runner = await Runner.start()));
  afterEach(() => runner.stop());
  return () => runner;
}

/** @param argv after the flags that the forge gives to bash */
export function bash(
  argv: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<{ exitCode: number; output: string }> {
  const flags = ["--noprofile", "--norc", "-eo", "pipefail"];
  return new Promise((resolve, reject) => {
    execFile(
      "bash",
      [...flags, ...argv],
      { ...options, timeout: 600_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === "number") resolve({ exitCode: code, output: stdout + stderr });
        else reject(error ?? new Error("bash was not started"));
      },
    ).stdin?.end();
  });
}

function assignments(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
