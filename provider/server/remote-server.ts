/**
 * One server as the resources see it: its facts and its state. How it is reached and what runs there is hidden
 * here; what is asked of it besides stands in the files `server-*.ts`.
 */
import { isReachedByRunner, RUNNER_PROGRAM } from "../../common/runner-rule.ts";
import { canonicalJson } from "../../common/canonical-json.ts";
import { UserError } from "../../common/errors.ts";
import {
  openTransport,
  type RunOptions,
  type RunResult,
  type ServerAddress,
  type Transport,
  TransportError,
} from "../../transport/index.ts";
import { PROTOCOL, type ServerState } from "../../updater/protocol.ts";
import { instancePaths } from "../../updater/paths.ts";
import type { FactsRequest } from "../../updater/runner/protocol.ts";
import { stateSchema } from "./state-schema.ts";
import { type AnswerContext, readAnswer } from "./answers.ts";
import { runnerArgv } from "./checked-runner.ts";
import { HOST_PROBE, type HostFacts, parseHostFacts } from "./host-facts.ts";
import { installedRunner, installRunner, type Runner, updaterPath } from "./runner.ts";
import { callRunner, type RunnerQuestion } from "./runner-access.ts";
import { updaterBundle } from "./updater-bundle.ts";

/** Which server, and which instance on it. */
export interface ServerPlace {
  /** This machine where null. */
  server: ServerAddress | null;
  directory: string;
  project: string;
  /** Volumes with users' data: the database's, then the one with the uploads. */
  volumes: string[];
  /** The port that will be published. */
  port: number;
}

const PROBE_TIMEOUT = 45_000;
const INSPECT_TIMEOUT = 60_000;

export class RemoteServer {
  /** The way to a server, which tests replace. */
  static openTransport: typeof openTransport = openTransport;

  private static readonly transports = new Map<string, Transport>();
  private static readonly servers = new Map<string, RemoteServer>();

  /** For what has a file of its own, such as server-logs.ts. */
  readonly transport: Transport;
  private readonly readings = new Map<string, Promise<unknown>>();

  private constructor(readonly place: ServerPlace) {
    const key = canonicalJson(place.server);
    const open =
      RemoteServer.transports.get(key) ?? RemoteServer.openTransport(place.server ?? undefined);
    RemoteServer.transports.set(key, open);
    this.transport = open;
  }

  /** The one object for a place in this process: one connection, and each fact read once. */
  static at(place: ServerPlace): RemoteServer {
    const key = canonicalJson(place);
    const server = RemoteServer.servers.get(key) ?? new RemoteServer(place);
    RemoteServer.servers.set(key, server);
    return server;
  }

  /** Ends all connections of this process. */
  static async closeAll(): Promise<void> {
    const open = [...RemoteServer.transports.values()];
    RemoteServer.transports.clear();
    RemoteServer.servers.clear();
    await Promise.all(open.map((transport) => transport.close()));
  }

  get target(): string {
    return this.transport.target;
  }

  /** What the host is and has. A failure is remembered too, so that a dead host is waited for once. */
  facts(): Promise<HostFacts> {
    // Who asks for the facts asks for the state next: side by side it is half the waiting.
    void this.earlyState();
    return this.once("facts", () => this.probe());
  }

  /** The instance's state. Reads only; nothing has to be installed for it. */
  state(): Promise<ServerState> {
    return this.once("state", () => this.inspect());
  }

  /** The state with the use of the disk, which takes longer to read. */
  stateWithUsage(): Promise<ServerState> {
    return this.inspect(true);
  }

  /**
   * Reads something once, until it is forgotten with all the rest.
   *
   * @param what names it among the readings of a server
   */
  once<T>(what: string, read: () => Promise<T>): Promise<T> {
    const reading = (this.readings.get(what) as Promise<T> | undefined) ?? read();
    this.readings.set(what, reading);
    return reading;
  }

  /** After a change, so that later readers see it. */
  forget(): void {
    this.readings.clear();
  }

  /** Whether the SSH user can use Docker as it is, where that is needed: the docker provider doesn't use sudo. */
  async userReachesDocker(): Promise<boolean> {
    const { server } = this.place;
    // The runner makes the volumes.
    if (isReachedByRunner(this.place)) return true;
    const isRoot = server === null ? process.getuid?.() === 0 : server.user === "root";
    if (isRoot) return true;
    const { exitCode } = await this.transport.run(
      "ask whether the SSH user may use Docker",
      ["docker", "version", "--format", "{{.Server.Version}}"],
      { timeout: PROBE_TIMEOUT, asRoot: false, acceptedExitCodes: [0, 1, 126, 127] },
    );
    return exitCode === 0;
  }

  /**
   * Runs the updater, by way of the runner where that is how the server is reached.
   *
   * @param runner ignored there: it is its own
   * @param question what the updater is to do; with numbers it is also told the instance's folder
   */
  ask(
    label: string,
    runner: Runner,
    question: RunnerQuestion,
    options: RunOptions,
  ): Promise<RunResult> {
    if (isReachedByRunner(this.place)) return this.call(label, question, options);
    const { verb, numbers } = question;
    const words = numbers === undefined ? [] : [this.place.directory, ...numbers.map(String)];
    return this.transport.run(label, runnerArgv(runner, verb, ...words), options);
  }

  /** Has the runner do something. Only where the server is reached by it. */
  call(label: string, question: RunnerQuestion, options: RunOptions): Promise<RunResult> {
    return callRunner(this.transport, this.place, label, question, options);
  }

  /** The programs of this version; undefined where they are not there yet. */
  async installed(): Promise<Runner | undefined> {
    const facts = await this.facts();
    if (!isReachedByRunner(this.place)) return installedRunner(facts);
    // One of another version would not have told the facts.
    return { node: RUNNER_PROGRAM, updater: updaterPath((await updaterBundle()).sha256) };
  }

  /** Puts this version's updater on the server. */
  async install(tell: (text: string) => void): Promise<Runner> {
    const installed = await this.installed();
    if (installed !== undefined) return installed;
    const runner = await installRunner(this.transport, await this.facts(), tell);
    this.forget();
    return runner;
  }

  /** How an answer is named where it can't be read. */
  answerTo(what: string): AnswerContext {
    return { what, target: this.target };
  }

  /** The programs of the newest job. */
  get lastRunner(): Runner {
    const { runnerNode: node, runnerUpdater: updater } = instancePaths(this.place.directory);
    return { node, updater };
  }

  private async probe(): Promise<HostFacts> {
    const { directory, project, port, volumes } = this.place;
    const label = "read the host's facts";
    const options = { timeout: PROBE_TIMEOUT };
    const request: FactsRequest = { directory, project, port, volumes };
    const argv = ["sh", "-c", HOST_PROBE, "probe", directory, project, String(port), ...volumes];
    const { stdout } = isReachedByRunner(this.place)
      ? await this.call(label, { verb: "facts" }, { ...options, stdin: JSON.stringify(request) })
      : await this.transport.run(label, argv, options);
    return parseHostFacts(stdout);
  }

  private async inspect(usage = false): Promise<ServerState> {
    const facts = await this.facts();
    if (!facts.hasInstance)
      return {
        protocol: PROTOCOL,
        foreign: [
          ...facts.files.map((file) => `the file ${file}`),
          ...facts.containers.map((container) => `the container ${container}`),
          ...facts.filledVolumes.map((volume) => `data in the volume ${volume}`),
        ],
        reverted: [],
        prepared: [],
        drift: [],
      };
    // A preview installs nothing: the programs of the last job answer where the newest are not there.
    const installed = await this.installed();
    const early = usage || installed === undefined ? undefined : await this.earlyState();
    if (early !== undefined) return early;
    const runner = installed ?? facts.lastRunner;
    if (runner === undefined)
      throw new UpdaterGoneError(
        `The instance in ${this.place.directory} on ${this.target} can't be read: its updater is gone. ` +
          "Run pulumi up, which puts it there again.",
      );
    return this.inspectBy(runner, usage);
  }

  /** The state as this version's updater gives it, asked for before it is known to be there. */
  private earlyState(): Promise<ServerState | undefined> {
    return this.once("early state", () => this.inspectEarly());
  }

  /** Undefined where this version's updater isn't there, or there is no instance. */
  private async inspectEarly(): Promise<ServerState | undefined> {
    try {
      const { node } = this.lastRunner;
      const updater = updaterPath((await updaterBundle()).sha256);
      return await this.inspectBy({ node, updater }, false);
    } catch {
      // Why, is told by the one who asks when more is known.
      return undefined;
    }
  }

  private async inspectBy(runner: Runner, usage: boolean): Promise<ServerState> {
    const { directory, project, volumes } = this.place;
    const { stdout } = await this.ask(
      "read the instance's state",
      runner,
      { verb: "inspect" },
      {
        stdin: JSON.stringify({ directory, project, volumes, ...(usage ? { usage } : {}) }),
        timeout: INSPECT_TIMEOUT,
      },
    );
    return readAnswer(stateSchema, stdout, this.answerTo("state"));
  }
}

/** The server has an instance, but none of the programs that read it; the next up puts them there. */
export class UpdaterGoneError extends UserError {}

/** Whether an error means that the server could not be reached at all. */
export function isUnreachable(error: unknown): error is TransportError {
  return (
    error instanceof TransportError &&
    ["unreachable", "connection-lost", "timeout"].includes(error.failure)
  );
}

/**
 * Whether an error means that a server can't be read at the address that a stack has of its last run: it is away,
 * it was made anew, its updater is gone, or another machine has that address by now.
 */
export function isOutOfReach(error: unknown): error is TransportError | UpdaterGoneError {
  return (
    isUnreachable(error) ||
    error instanceof UpdaterGoneError ||
    (error instanceof TransportError &&
      ["host-key", "authentication", "sudo", "login-shell"].includes(error.failure))
  );
}
