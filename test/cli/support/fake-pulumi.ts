/** Stands in for the `pulumi` command, of which a unit test has none. */
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Notes its arguments; the answers are files that a test writes, each a part of a shell program. */
const PROGRAM = `#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$*" >> "$here/calls"
if test -e "$here/$1.sh"; then . "$here/$1.sh"; fi
`;

export class FakePulumi {
  readonly #path = process.env.PATH;
  readonly #folder = process.cwd();
  #root = "";

  /** Puts the program first on the PATH, and goes to the folder of a stack that is called prod. */
  async arrive(stackText = "config: {}\n"): Promise<void> {
    this.#root = await realpath(await mkdtemp(join(tmpdir(), "pulumi-")));
    await mkdir(join(this.#root, "bin"));
    await mkdir(join(this.#root, "stack"));
    const program = join(this.#root, "bin", "pulumi");
    await writeFile(program, PROGRAM);
    await chmod(program, 0o755);
    await writeFile(join(this.#root, "stack", "Pulumi.yaml"), "name: chatalot-deploy\n");
    await writeFile(this.stackFile, stackText);
    await this.answers("stack", "echo prod");
    process.env.PATH = `${join(this.#root, "bin")}:${this.#path}`;
    process.chdir(join(this.#root, "stack"));
  }

  async leave(): Promise<void> {
    process.env.PATH = this.#path;
    process.chdir(this.#folder);
    await rm(this.#root, { recursive: true, force: true });
  }

  /** The file with the stack's settings. */
  get stackFile(): string {
    return join(this.#root, "stack", "Pulumi.prod.yaml");
  }

  /** What it does for a command such as `up`. */
  async answers(command: string, shell: string): Promise<void> {
    await writeFile(join(this.#root, "bin", `${command}.sh`), shell);
  }

  /**
   * What `pulumi config --json` prints.
   *
   * @param settings by their names without the project's; objects as such
   * @param secrets the names of settings that are encrypted, which it prints without a value
   */
  async configuredAs(
    settings: Record<string, unknown>,
    secrets: readonly string[] = [],
  ): Promise<void> {
    const entries = Object.entries(settings).map(([name, value]) => [
      `chatalot-deploy:${name}`,
      typeof value === "object"
        ? { value: JSON.stringify(value), objectValue: value, secret: false }
        : { value: `${value as string | number}`, secret: false },
    ]);
    const hidden = secrets.map((name) => [`chatalot-deploy:${name}`, { secret: true }]);
    const text = JSON.stringify(Object.fromEntries([...entries, ...hidden]));
    await this.answers("config", `cat <<'END_OF_CONFIG'\n${text}\nEND_OF_CONFIG\n`);
  }

  /** The arguments of all calls, in order. */
  async calls(): Promise<string[]> {
    const calls = await readFile(join(this.#root, "bin", "calls"), "utf8").catch(() => "");
    return calls.split("\n").filter((line) => line !== "");
  }
}
