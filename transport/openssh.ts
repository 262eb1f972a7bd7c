import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { describeAddress, type ServerAddress } from "./address.ts";
import { connect, type Connection } from "./connection.ts";
import { describeSudoFailure, resultOf, tailOf } from "./outcome.ts";
import { runProcess, type Outcome } from "./process.ts";
import { quoteCommand } from "../common/quote.ts";
import { Slots } from "./slots.ts";
import { ConnectionError } from "./ssh-diagnosis.ts";
import { TransportError, type RunOptions, type RunResult, type Transport } from "./transport.ts";

/** sshd allows 10 sessions in one connection unless its MaxSessions says otherwise. */
const MOST_SESSIONS = 8;

/** Between two tries to get a session in a connection that has no room for one, in milliseconds. */
const SESSION_RETRY = 250;

/**
 * How often in a row a command that is alone may be refused. Once says little: another one that has just
 * ended may still have its session at the server.
 */
const MOST_REFUSALS = 3;

/** How much longer than its caller a command on the server may last, in seconds. */
const SERVER_GRACE = 5;

/** A word that arrives as it is only where the login shell quotes as POSIX says. */
const CHALLENGE = `$HOME "\\\\" '\\' !! \`x\` %s *`;

/** Who we are there, and whether the command arrived as it was sent. */
const INTRODUCTION = `
printf '%s\\n' "$1"
id -u
test "$(id -u)" = 0 || test "$2" = runner || LC_ALL=C sudo -n -- true 2>&1
true
`;

/** What is done in another way, or not at all, is said by whoever knows; this is for what nobody thought of. */
const NOT_BY_RUNNER =
  '"server.access" is runner, and the runner does not do this. Let somebody do it who is root there, or use a ' +
  "user who has sudo for everything: pulumi config set --path server.access sudo";

/** ssh's own failure; also what it reports for a command that was killed by a signal. */
const SSH_FAILED = 255;

interface Login {
  isRoot: boolean;
  /** What sudo said where it doesn't work. */
  sudoFailure?: string;
}

/**
 * A server that is reached by the system's `ssh`: keys, agents, known_hosts and ssh_config work as
 * the operator has them. All commands share one connection, made when the first one runs and made
 * again when it was lost.
 */
export function openSshTransport(address: ServerAddress): Transport {
  return new OpenSshTransport(address);
}

class OpenSshTransport implements Transport {
  readonly target: string;
  readonly #address: ServerAddress;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #sessions = new Slots(MOST_SESSIONS);
  #connection: Promise<Connection> | undefined;
  #login: Promise<Login> | undefined;

  constructor(address: ServerAddress) {
    this.#address = address;
    this.target = describeAddress(address);
  }

  run(label: string, argv: readonly string[], options: RunOptions): Promise<RunResult> {
    const running = this.#run(label, argv, options);
    this.#running.add(running);
    const forget = (): void => void this.#running.delete(running);
    running.then(forget, forget);
    return running;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  async #run(label: string, argv: readonly string[], options: RunOptions): Promise<RunResult> {
    const context = { label, target: this.target, options };
    const signals = [this.#closing.signal, ...(options.signal ? [options.signal] : [])];
    const signal = AbortSignal.any(signals);
    // Refused before anything is connected: what can't be quoted is a mistake of the caller.
    quoteCommand(argv);
    try {
      const asRoot = options.asRoot ?? true;
      const isRunner = options.isRunner ?? false;
      if (asRoot && !isRunner && this.#address.access === "runner")
        throw new ConnectionError("sudo", NOT_BY_RUNNER);
      const login = await abortable(this.#introduction(), signal);
      const throughSudo = asRoot && !login.isRoot;
      if (throughSudo && login.sudoFailure !== undefined) {
        throw new ConnectionError("sudo", login.sudoFailure);
      }
      const command = quoteCommand([
        ...(throughSudo ? ["sudo", "-n", "--"] : []),
        // The end of our ssh doesn't end the command there, so that it has a limit of its own.
        ...(isRunner ? [] : ["timeout", "-k", String(SERVER_GRACE)]),
        ...(isRunner ? [] : [String(Math.ceil(options.timeout / 1_000) + SERVER_GRACE)]),
        ...argv,
      ]);
      const outcome = await this.#execute(command, { ...options, signal });
      const sudoUser = throughSudo ? { sudoUser: this.#address.user, isRunner } : {};
      return resultOf(outcome, { ...context, ...sudoUser });
    } catch (error) {
      if (error instanceof TransportError) throw error;
      if (signal.aborted) return resultOf({ kind: "canceled", stdout: "", stderr: "" }, context);
      if (!(error instanceof ConnectionError)) throw error;
      throw new TransportError(`${label} on ${this.target}: ${error.message}`, error.failure);
    }
  }

  /** Runs a command text over the connection, which is made first where there is none. */
  async #execute(
    command: string,
    options: Omit<RunOptions, "signal"> & { signal: AbortSignal },
  ): Promise<Outcome> {
    let left = options.timeout;
    let refusals = 0;
    for (let attempt = 1; ; attempt++) {
      const connection = await this.#connect(options.signal);
      const before = Date.now();
      const release = await this.#sessions.take(options.signal, left);
      if (release === undefined) return { kind: "timeout", stdout: "", stderr: "" };
      const wasAlone = this.#sessions.taken <= 1;
      try {
        const refusal = `not started ${randomUUID()}`;
        const outcome = await runProcess("ssh", sessionArguments(connection, refusal, command), {
          ...options,
          timeout: left,
          environment: { SHELL: "/bin/sh" },
        });
        if (outcome.kind === "not-started") {
          const text = `the program "ssh" could not be started: ${outcome.cause}. Install OpenSSH`;
          throw new ConnectionError("unreachable", text);
        }
        if (outcome.kind !== "exited" || outcome.exitCode !== SSH_FAILED) return outcome;

        const isOpen = await connection.check();
        const wasStarted = !outcome.stderr.includes(refusal);
        if (wasStarted && isOpen) return outcome;
        if (isOpen) {
          // One that came later may have got the only session.
          refusals = wasAlone && this.#sessions.taken <= 1 ? refusals + 1 : 0;
          await this.#awaitRoom(outcome.stderr, refusals, options);
        } else {
          await connection.close();
          // What was never started may be tried again, unless a stream has been read for it.
          if (wasStarted || options.stdin instanceof Readable || attempt > 1) {
            const text = `the connection was lost${connection.ending}`;
            throw new ConnectionError("connection-lost", text);
          }
        }
      } finally {
        release();
      }
      left -= Date.now() - before;
      if (left <= 0) return { kind: "timeout", stdout: "", stderr: "" };
    }
  }

  /**
   * A connection without room for another session gets it when one of the others has ended.
   *
   * @param refusals how often in a row the command was refused with no other beside it
   */
  async #awaitRoom(
    stderr: string,
    refusals: number,
    { stdin, signal }: { stdin?: RunOptions["stdin"]; signal: AbortSignal },
  ): Promise<void> {
    if (refusals >= MOST_REFUSALS || stdin instanceof Readable) {
      const said = stderr.split("\n").filter((line) => !line.startsWith("not started "));
      const text = `the server refused the session${tailOf(said.join("\n"))}`;
      throw new ConnectionError("unreachable", text);
    }
    await sleep(SESSION_RETRY, undefined, { signal });
  }

  /** The connection, or the one that is being made, or a new one. */
  async #connect(signal: AbortSignal): Promise<Connection> {
    for (;;) {
      const current = (this.#connection ??= connect(this.#address, this.#closing.signal));
      const forget = (): void => {
        if (this.#connection === current) this.#connection = undefined;
      };
      current.catch(forget);
      const connection = await abortable(current, signal);
      if (await connection.check()) return connection;
      forget();
      await connection.close();
    }
  }

  /** Asked once for all commands; again only where it failed. */
  #introduction(): Promise<Login> {
    if (this.#login !== undefined) return this.#login;
    const login = this.#introduce();
    login.catch(() => (this.#login = undefined));
    return (this.#login = login);
  }

  /** The first words over a connection: what we may do there, and that commands arrive intact. */
  async #introduce(): Promise<Login> {
    const { user, access = "sudo" } = this.#address;
    const words = ["introduction", CHALLENGE, access];
    const command = quoteCommand(["sh", "-c", INTRODUCTION, ...words]);
    const signal = this.#closing.signal;
    const outcome = await this.#execute(command, { timeout: 30_000, signal });
    if (outcome.kind === "timeout") {
      throw new ConnectionError("login-shell", "the login shell did not answer within 30 seconds");
    }
    if (!outcome.stdout.startsWith(`${CHALLENGE}\n`)) {
      const text =
        `the login shell of ${user} changes commands or prints text of its own. Give that user ` +
        `/bin/sh or bash there, and let its start files print nothing`;
      throw new ConnectionError("login-shell", text + tailOf(outcome.stdout + outcome.stderr));
    }
    const [uid, ...sudo] = outcome.stdout
      .slice(CHALLENGE.length + 1)
      .trimEnd()
      .split("\n");
    if (uid === "0") return { isRoot: true };
    const said = sudo.join("\n");
    if (said.trim() === "") return { isRoot: false };
    const failure = describeSudoFailure(said, user);
    return { isRoot: false, sudoFailure: failure ?? `sudo does not work there${tailOf(said)}` };
  }
}

/**
 * The arguments of an ssh that only passes a command on to the connection. Without a connection it
 * would make one of its own; it gets a "proxy" instead that says the refusal and ends.
 */
function sessionArguments(connection: Connection, refusal: string, command: string): string[] {
  const settings = [
    "ControlMaster=no",
    "BatchMode=yes",
    "LogLevel=ERROR",
    // Not "echo" alone: ssh would run it with its output closed, and end it before it wrote.
    `ProxyCommand=sh -c 'echo ${refusal} >&2'`,
  ];
  return [
    ...["-F", "none", "-T", "-S", connection.controlPath],
    ...settings.flatMap((setting) => ["-o", setting]),
    ...["--", "server", command],
  ];
}

/** Others may wait for the same promise, so that it goes on. */
function abortable<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
