/** An operator who works on the server itself: the same program and engine, and no way in by SSH. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { DemoServer } from "../../../demo/server/index.ts";
import { ensureToolchain } from "../../../toolchain/index.ts";
import { sampleRepository } from "./fixture.ts";
import type { Run } from "./operator.ts";

const checkout = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** All that is brought to the server, but for the programs. */
const HOME = "/opt/operator";
const CLONE = `${HOME}/clone`;
const FOLDER = `${HOME}/stack`;
const REPOSITORY = `${HOME}/repository`;

/** Programs that every operator's machine has and the demo server lacks on purpose. */
const PROGRAMS = "/usr/local/bin";

const STACK = "test";

const COMMAND_TIMEOUT = 10 * 60_000;

const SET_UP = `
cd ${FOLDER}
mkdir -p state
{ echo "main: ${CLONE}"; sed "s#path: provider#path: ${CLONE}/provider#" ${CLONE}/Pulumi.yaml; } > Pulumi.yaml
ln -sf git ${PROGRAMS}/git-upload-pack
chown -R root:root ${HOME} ${PROGRAMS}/node ${PROGRAMS}/git
`;

const LEAVE = `
rm -rf ${HOME} /root/.cache/chatalot-deploy
rm -f ${PROGRAMS}/node ${PROGRAMS}/git ${PROGRAMS}/git-upload-pack
`;

export class OperatorOnServer {
  private constructor(private readonly demo: DemoServer) {}

  /** Brings to the server what an operator installs there, and makes a stack without `server`. */
  static async arrive(demo: DemoServer): Promise<OperatorOnServer> {
    const operator = new OperatorOnServer(demo);
    await operator.leave();
    await operator.bring();
    await demo.exec(["sh", "-euc", SET_UP], { timeout: 60_000 });
    await operator.must("pulumi", "stack", "init", STACK);
    await operator.configure({
      repository: REPOSITORY,
      "listen.address": "0.0.0.0",
      "listen.port": 8080,
      "listen.beforeOwner": "open",
      "health.mustStayGoodFor": "1 second",
      "health.timeout": "20 seconds",
    });
    return operator;
  }

  /** Sets plain configuration; keys may be paths such as `listen.port`. */
  async configure(settings: Record<string, string | number>): Promise<void> {
    const entries = Object.entries(settings).flatMap(([key, value]) => [
      "--plaintext",
      `${key}=${value}`,
    ]);
    await this.must("pulumi", "config", "set-all", "--stack", STACK, "--path", ...entries);
  }

  up(): Promise<Run> {
    const flags = ["--yes", "--non-interactive", "--skip-preview", "--stack", STACK];
    return this.run("pulumi", "up", ...flags);
  }

  /** Runs the command of this tool; a failure is a result. */
  chatalot(...args: string[]): Promise<Run> {
    return this.run(`${CLONE}/cli/chatalot`, "--stack", STACK, ...args);
  }

  /** Takes everything from the server that {@link arrive} brought. */
  async leave(): Promise<void> {
    await this.demo.exec(["sh", "-euc", LEAVE], { timeout: 60_000 });
  }

  private async run(...argv: string[]): Promise<Run> {
    const variables = [
      `PATH=${HOME}/engine/bin:${PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin`,
      `PULUMI_HOME=${HOME}/pulumi`,
      `PULUMI_BACKEND_URL=file://${FOLDER}/state`,
      "PULUMI_CONFIG_PASSPHRASE=a passphrase of the tests",
      "PULUMI_SKIP_UPDATE_CHECK=1",
      "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
    ];
    const { exitCode, all } = await execa(
      "docker",
      [...["exec", "--workdir", FOLDER, this.demo.container], ...["env", ...variables, ...argv]],
      { all: true, reject: false, stdin: "ignore", timeout: COMMAND_TIMEOUT },
    );
    return { exitCode: exitCode ?? -1, output: all };
  }

  private async must(...argv: string[]): Promise<void> {
    const { exitCode, output } = await this.run(...argv);
    if (exitCode !== 0) throw new Error(`${argv.slice(0, 3).join(" ")} failed:\n${output}`);
  }

  private async bring(): Promise<void> {
    const { engine, environment } = await ensureToolchain(() => undefined);
    const git = await execa("sh", ["-c", "command -v git"]);
    await this.copy(checkout, CLONE, await namesOfTheProgram());
    await this.copy(dirname(engine.directory), `${HOME}/engine`, ["."]);
    await this.copy(`${environment.PULUMI_HOME}/plugins`, `${HOME}/pulumi/plugins`, ["."]);
    await this.copy((await sampleRepository()).directory, REPOSITORY, ["."]);
    await this.copy(dirname(process.execPath), PROGRAMS, ["node"]);
    await this.copy(dirname(git.stdout), PROGRAMS, ["git"]);
    await this.demo.exec(["mkdir", "-p", FOLDER], { timeout: 30_000 });
  }

  /** Copies files of a folder on this machine into a folder on the server. */
  private async copy(from: string, to: string, names: readonly string[]): Promise<void> {
    await this.demo.exec(["mkdir", "-p", to], { timeout: 30_000 });
    const pack = ["--create", "--directory", from, "--exclude=.cache", "--files-from=-"];
    const unpack = ["tar", "--extract", "--no-same-owner", "--directory", to];
    await execa("tar", pack, {
      input: names.join("\n"),
      buffer: false,
      timeout: COMMAND_TIMEOUT,
    }).pipe("docker", ["exec", "--interactive", this.demo.container, ...unpack], {
      timeout: COMMAND_TIMEOUT,
    });
  }
}

/** The checkout's own files and the packages that it needs to run, relative to the checkout. */
async function namesOfTheProgram(): Promise<string[]> {
  const options = { cwd: checkout, timeout: COMMAND_TIMEOUT };
  const files = await execa("git", ["ls-files"], options);
  const list = ["ls", "--omit=dev", "--all", "--parseable"];
  // npm ends with 1 where a package that is not needed here is missing; the program shows what lacks.
  const packages = await execa("npm", list, { ...options, reject: false });
  const folders = packages.stdout.split("\n").filter((path) => path.startsWith(`${checkout}/`));
  return [...files.stdout.split("\n"), ...folders.map((path) => path.slice(checkout.length + 1))];
}
