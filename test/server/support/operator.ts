/** An operator with a folder of their own: stack file, state, passphrase, and the pulumi command. */
import { execa, type ResultPromise } from "execa";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseDocument } from "yaml";
import { ensureToolchain } from "../../../toolchain/index.ts";

const checkout = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

const STACK = "test";

/** The longest that any command of a test may take: a hung one must not hold up the whole run. */
const COMMAND_TIMEOUT = 10 * 60_000;

/** How a command ended. */
export interface Run {
  exitCode: number;
  /** Standard output and standard error as they came. */
  output: string;
}

export class Operator {
  private constructor(
    readonly folder: string,
    private readonly environment: Record<string, string>,
  ) {}

  /** What a terminal of this operator's has in its environment. */
  get surroundings(): Readonly<Record<string, string>> {
    return this.environment;
  }

  /** A new operator who knows nothing yet. */
  static async arrive(passphrase = "a passphrase of the tests"): Promise<Operator> {
    const { environment } = await ensureToolchain(() => undefined);
    const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-operator-"));
    await mkdir(join(folder, "state"));
    const own = await readFile(join(checkout, "Pulumi.yaml"), "utf8");
    await writeFile(
      join(folder, "Pulumi.yaml"),
      `main: ${checkout}\n${own.replace("path: provider", `path: ${checkout}/provider`)}`,
    );
    const operator = new Operator(folder, {
      ...environment,
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: passphrase,
    });
    await operator.must("stack", "init", STACK);
    return operator;
  }

  /** Sets plain configuration; keys may be paths such as `server.host`. */
  async configure(settings: Record<string, string | number | boolean>): Promise<void> {
    const entries = Object.entries(settings).flatMap(([key, value]) => [
      "--plaintext",
      `${key}=${value}`,
    ]);
    await this.must("config", "set-all", "--path", ...entries);
  }

  /** Adds settings to the stack file itself, as one does by an editor. */
  async addToStackFile(settings: Record<string, unknown>): Promise<void> {
    const file = join(this.folder, `Pulumi.${STACK}.yaml`);
    const document = parseDocument(await readFile(file, "utf8"));
    for (const [key, value] of Object.entries(settings)) document.setIn(["config", key], value);
    // The engine reads YAML by other rules than this writer has: all in quotes, and on one line.
    const options = { defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 } as const;
    await writeFile(file, document.toString(options));
  }

  async configureSecret(key: string, value: string): Promise<void> {
    await this.must("config", "set", "--path", "--secret", key, value);
  }

  preview(...args: string[]): Promise<Run> {
    return this.pulumi("preview", "--non-interactive", ...args);
  }

  up(...args: string[]): Promise<Run> {
    return this.pulumi("up", "--yes", "--non-interactive", ...args);
  }

  destroy(...args: string[]): Promise<Run> {
    return this.pulumi("destroy", "--yes", "--non-interactive", ...args);
  }

  /** The stack's outputs. */
  async outputs(): Promise<Record<string, unknown>> {
    const { output } = await this.must("stack", "output", "--json");
    return JSON.parse(output) as Record<string, unknown>;
  }

  /** The stack's state as the backend keeps it, secrets encrypted. */
  async exported(): Promise<{ deployment: { resources?: StateResource[] } }> {
    const { output } = await this.must("stack", "export");
    return JSON.parse(output) as { deployment: { resources?: StateResource[] } };
  }

  /** Runs pulumi; a failure is a result. */
  async pulumi(...args: string[]): Promise<Run> {
    const { exitCode, all } = await this.start(...args);
    return { exitCode: exitCode ?? -1, output: typeof all === "string" ? all : "" };
  }

  /** Runs `npx chatalot` with nobody to ask; a failure is a result. */
  async chatalot(...args: string[]): Promise<Run> {
    const { exitCode, all } = await this.startChatalot(...args);
    return { exitCode: exitCode ?? -1, output: typeof all === "string" ? all : "" };
  }

  /** As {@link chatalot}; a failure fails the test with its output. */
  async mustChatalot(...args: string[]): Promise<Run> {
    const run = await this.chatalot(...args);
    if (run.exitCode !== 0) throw new Error(`chatalot ${args[0]} failed:\n${run.output}`);
    return run;
  }

  /** Starts `npx chatalot` and leaves it running, for tests that interrupt it. */
  startChatalot(...args: string[]): ResultPromise<{ all: true; reject: false }> {
    return execa(join(checkout, "cli", "chatalot"), ["--stack", STACK, ...args], {
      cwd: this.folder,
      env: this.environment,
      all: true,
      reject: false,
      stdin: "ignore",
      timeout: COMMAND_TIMEOUT,
    }) as ResultPromise<{ all: true; reject: false }>;
  }

  /** Runs pulumi; a failure fails the test with its output. */
  async must(...args: string[]): Promise<Run> {
    const run = await this.pulumi(...args);
    if (run.exitCode !== 0) throw new Error(`pulumi ${args[0]} failed:\n${run.output}`);
    return run;
  }

  /** Starts pulumi and leaves it running, for tests that interrupt it. */
  start(...args: string[]): ResultPromise<{ all: true; reject: false }> {
    const withStack =
      args[0] === "stack" && args[1] === "init" ? args : [...args, "--stack", STACK];
    return execa("pulumi", withStack, {
      cwd: this.folder,
      env: this.environment,
      all: true,
      reject: false,
      stdin: "ignore",
      timeout: COMMAND_TIMEOUT,
    }) as ResultPromise<{ all: true; reject: false }>;
  }

  /** Everything that Pulumi keeps of this operator on the disk: state, history, backups, settings. */
  async everythingKept(): Promise<Map<string, Buffer>> {
    const names = await readdir(this.folder, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    return new Map(
      await Promise.all(
        files.map(async (entry) => {
          const path = join(entry.parentPath, entry.name);
          return [path, await readFile(path)] as const;
        }),
      ),
    );
  }

  async leave(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A resource in an exported state. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  protect?: boolean;
  retainOnDelete?: boolean;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}
