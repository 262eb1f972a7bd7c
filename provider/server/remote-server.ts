/**
 * One server as the resources see it: its facts, its state, and jobs on it. How it is reached and
 * what runs there is hidden here.
 */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { isReachedByRunner, RUNNER_PROGRAM } from "../../common/runner-rule.ts";
import { canonicalJson } from "../../common/canonical-json.ts";
import { UserError } from "../../common/errors.ts";
import {
  openTransport,
  retryWhileConnectionLost,
  type RunOptions,
  type RunResult,
  type ServerAddress,
  type Transport,
  TransportError,
  uploadFile,
} from "../../transport/index.ts";
import {
  type JobRequest,
  PROTOCOL,
  type ProgressLine,
  type ResolveAnswer,
  type ResolveRequest,
  type ServerState,
  type SubmitAnswer,
  type Verdict,
} from "../../updater/protocol.ts";
import { instancePaths } from "../../updater/paths.ts";
import type { ArchiveRequest, FactsRequest } from "../../updater/runner/protocol.ts";
import { archivePath } from "../../updater/archive-path.ts";
import {
  abortSchema,
  followSchema,
  resolveSchema,
  stateSchema,
  submitSchema,
} from "./answer-schemas.ts";
import { type AnswerContext, readAnswer } from "./answers.ts";
import { runnerArgv } from "./checked-runner.ts";
import { HOST_PROBE, type HostFacts, parseHostFacts } from "./host-facts.ts";
import { installedRunner, installRunner, type Runner, updaterPath } from "./runner.ts";
import { callRunner, followed, type RunnerQuestion } from "./runner-access.ts";
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

const ARCHIVE_TIMEOUT = 30 * 60_000;

/** An image of some hundred megabytes over a slow line. */
const LOAD_TIMEOUT = 2 * 3_600_000;

/** The longest job: a cold build on a small server and a long migration. */
const JOB_TIMEOUT = 4 * 3_600_000;

/** How long a lost connection is tried again before the job is left to itself. */
const RECONNECT_TIMEOUT = 10 * 60_000;

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

  /** Sends a release's tree to where the prepare job takes it from. */
  async sendArchive(archive: { path: string; sha256: string; size: number }): Promise<void> {
    const { directory } = this.place;
    if (isReachedByRunner(this.place)) {
      const { path, sha256, size } = archive;
      const request: ArchiveRequest = { directory, sha256, size };
      const line = Buffer.from(`${JSON.stringify(request)}\n`);
      await this.call(
        "send the release's tree",
        { verb: "receive-archive" },
        { stdin: Readable.from(followed(line, createReadStream(path))), timeout: ARCHIVE_TIMEOUT },
      );
      return;
    }
    const { incoming, state } = instancePaths(directory);
    await this.transport.run(
      "make the folder for releases",
      ["install", "--directory", "--mode=700", state, incoming],
      { timeout: 30_000 },
    );
    await uploadFile(this.transport, {
      content: { file: archive.path },
      destination: archivePath(incoming, archive.sha256),
      sha256: archive.sha256,
      mode: 0o600,
      timeout: ARCHIVE_TIMEOUT,
    });
  }

  /** Loads images that were saved by `docker save`; the stream may be packed by gzip. */
  async loadImages(images: Readable, signal: AbortSignal): Promise<void> {
    const options = { stdin: images, timeout: LOAD_TIMEOUT, signal };
    if (isReachedByRunner(this.place))
      await this.call("load the image", { verb: "load-images" }, options);
    else await this.transport.run("load the image", ["docker", "load", "--quiet"], options);
  }

  /** What tells the server's Docker from every other. */
  async dockerId(): Promise<string> {
    const argv = ["docker", "info", "--format", "{{.ID}}"];
    const options = { timeout: PROBE_TIMEOUT };
    const { stdout } = isReachedByRunner(this.place)
      ? await this.call("ask for Docker's id", { verb: "docker-id" }, options)
      : await this.transport.run("ask for Docker's id", argv, options);
    return stdout.trim();
  }

  /** Submits a request. The request is the standard input, so its secrets are in no argument. */
  async submit(request: JobRequest, tell: (text: string) => void): Promise<SubmitAnswer> {
    const runner = await this.install(tell);
    this.forget();
    const options = { stdin: JSON.stringify(request), timeout: 120_000 };
    const { stdout } = await this.ask("submit the job", runner, { verb: "submit" }, options);
    return readAnswer(submitSchema, stdout, this.answerTo("request"));
  }

  /**
   * Follows a job to its end, over lost connections too. The signal ends the following; the job
   * goes on.
   *
   * @param from where in its progress to begin
   */
  async follow(
    sequence: number,
    tell: (line: ProgressLine) => void,
    signal: AbortSignal,
    from = 0,
  ): Promise<Verdict> {
    let offset = from;
    let verdict: Verdict | undefined;
    const onLine = (text: string): void => {
      const line = readAnswer(followSchema, text, this.answerTo("job"));
      if (line.type === "verdict") verdict = line.verdict;
      else {
        offset = line.offset;
        tell(line.progress);
      }
    };
    for (;;) {
      await retryWhileConnectionLost(
        () =>
          this.ask(
            "follow the job",
            this.lastRunner,
            { verb: "follow", numbers: [sequence, offset] },
            { timeout: JOB_TIMEOUT, signal, onLine },
          ),
        {
          deadline: Date.now() + RECONNECT_TIMEOUT,
          wasConnected: true,
          signal,
          report: (error, delay) =>
            tell({
              at: new Date().toISOString(),
              step: "link",
              text: `${error.message}; the job goes on, connecting again in ${Math.ceil(delay / 1_000)} s`,
            }),
        },
      );
      this.forget();
      if (verdict !== undefined) return verdict;
    }
  }

  /** Asks the open job to stop before the swap; false where it is past that point. */
  async abort(): Promise<boolean> {
    const { stdout } = await this.ask(
      "stop the job",
      this.lastRunner,
      { verb: "abort", numbers: [] },
      { timeout: INSPECT_TIMEOUT },
    );
    return readAnswer(abortSchema, stdout, this.answerTo("answer")).aborted !== null;
  }

  /** Shows, clears or takes back what needs the operator. */
  async resolve(
    action: ResolveRequest["action"],
    requestedBy: string,
    tell: (text: string) => void,
  ): Promise<ResolveAnswer> {
    const runner = await this.install(tell);
    const { directory } = this.place;
    const request: ResolveRequest = { protocol: PROTOCOL, directory, action, requestedBy };
    const { stdout } = await this.ask(
      "ask what needs the operator",
      runner,
      { verb: "resolve" },
      { stdin: JSON.stringify(request), timeout: 120_000 },
    );
    if (action !== "show") this.forget();
    return readAnswer(resolveSchema, stdout, this.answerTo("answer"));
  }

  /** How an answer is named where it can't be read. */
  answerTo(what: string): AnswerContext {
    return { what, target: this.target };
  }

  /** The programs of the newest job. */
  private get lastRunner(): Runner {
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
