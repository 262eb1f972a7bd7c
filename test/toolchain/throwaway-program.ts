import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { runtimeOptions } from "../../toolchain/versions.ts";

/** The resources that the program has, by what stand-in is tested; none where there is no entry. */
export interface Wanted {
  password?: Record<string, unknown>;
  volume?: Record<string, unknown>;
  /** A docker provider for the volume. Default: the local daemon. */
  provider?: Record<string, unknown>;
  command?: Record<string, unknown>;
  pet?: Record<string, unknown>;
}

export interface StateResource {
  type: string;
  id: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  additionalSecretOutputs?: string[];
}

export interface PreviewStep {
  op: string;
  urn: string;
  detailedDiff?: Record<string, { kind: string }> | null;
}

const source = `
import { readFileSync } from "node:fs";
const wanted = JSON.parse(readFileSync("wanted.json", "utf8"));
const opts = {};
const outputs = {};
if (wanted.password || wanted.pet) {
  const random = await import("@pulumi/random");
  if (wanted.password) outputs.password = new random.RandomPassword("password", wanted.password).result;
  if (wanted.pet) new random.RandomPet("pet", wanted.pet);
}
if (wanted.volume) {
  const docker = await import("@pulumi/docker");
  if (wanted.provider) opts.provider = new docker.Provider("server", wanted.provider);
  outputs.mountpoint = new docker.Volume("volume", wanted.volume, opts).mountpoint;
}
if (wanted.command) {
  const { local } = await import("@pulumi/command");
  outputs.stdout = new local.Command("command", wanted.command).stdout;
}
export default outputs;
`;

/** A Pulumi program in a folder of its own, with its state beside it, run by the real engine. */
export class ThrowawayProgram {
  private constructor(
    readonly directory: string,
    private readonly environment: Record<string, string>,
  ) {}

  static async make(environment: Record<string, string>): Promise<ThrowawayProgram> {
    const directory = await mkdtemp(path.join(tmpdir(), "contract-test-"));
    const state = path.join(directory, "state");
    await mkdir(state);
    await symlink(path.resolve("node_modules"), path.join(directory, "node_modules"));
    const files: Record<string, unknown> = {
      "package.json": { name: "contract-test", type: "module", main: "index.js" },
      "Pulumi.yaml": {
        name: "contract-test",
        runtime: { name: "nodejs", options: runtimeOptions },
      },
    };
    // JSON is YAML.
    for (const [name, content] of Object.entries(files)) {
      await writeFile(path.join(directory, name), JSON.stringify(content));
    }
    await writeFile(path.join(directory, "index.js"), source);
    const program = new ThrowawayProgram(directory, {
      ...environment,
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_CONFIG_PASSPHRASE: "not secret",
    });
    await program.pulumi("stack", "init", "test");
    return program;
  }

  async up(wanted: Wanted): Promise<string> {
    await this.want(wanted);
    return this.pulumi("up", "--yes", "--skip-preview");
  }

  async preview(wanted: Wanted): Promise<PreviewStep[]> {
    await this.want(wanted);
    const { steps } = JSON.parse(await this.pulumi("preview", "--json")) as {
      steps: PreviewStep[];
    };
    return steps;
  }

  /** The output of a preview that is expected to fail. */
  async failingPreview(wanted: Wanted): Promise<string> {
    await this.want(wanted);
    const output = await this.pulumi("preview").then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (output === undefined) throw new Error("the preview was expected to fail");
    return output;
  }

  /** A resource of the state by its name, its secrets still encrypted. */
  async resource(name: string): Promise<StateResource | undefined> {
    const exported = JSON.parse(await this.pulumi("stack", "export")) as {
      deployment: { resources: (StateResource & { urn: string })[] };
    };
    return exported.deployment.resources.find(({ urn }) => urn.endsWith(`::${name}`));
  }

  /** The program's outputs, secrets in plain. */
  async outputs(): Promise<Record<string, string>> {
    const text = await this.pulumi("stack", "output", "--json", "--show-secrets");
    return JSON.parse(text) as Record<string, string>;
  }

  /** The state as it lies on the disk. */
  async stateFile(): Promise<string> {
    const file = "state/.pulumi/stacks/contract-test/test.json";
    return readFile(path.join(this.directory, file), "utf8");
  }

  async pulumi(...args: string[]): Promise<string> {
    const result = await execa("pulumi", [...args, "--non-interactive", "--color=never"], {
      cwd: this.directory,
      env: this.environment,
      timeout: 90_000,
      stdin: "ignore",
      all: true,
    });
    // JSON is asked for alone; elsewhere warnings on the other stream count as well.
    return args.includes("--json") || args.includes("export") ? result.stdout : result.all;
  }

  async destroy(): Promise<void> {
    await this.pulumi("destroy", "--yes", "--skip-preview");
    await rm(this.directory, { recursive: true });
  }

  private async want(wanted: Wanted): Promise<void> {
    await writeFile(path.join(this.directory, "wanted.json"), JSON.stringify(wanted));
  }
}
