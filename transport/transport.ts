import type { Readable, Writable } from "node:stream";

/** How one command is run on a server. */
export interface RunOptions {
  /** What the command reads. Secrets travel here and nowhere else. Default: nothing. */
  stdin?: string | Uint8Array | Readable;
  /**
   * The command is ended after this many milliseconds and fails with `timedOut`. The time to connect
   * does not count: that has a limit of its own.
   */
  timeout: number;
  /** Ends the command; it then fails with `isCanceled`. */
  signal?: AbortSignal;
  /**
   * Called for each whole line of standard output as it arrives. Nothing of it is collected then, so
   * that there may be any number of them.
   */
  onLine?: (line: string) => void;
  /**
   * Gets standard output as it comes, byte by byte and no faster than it takes it. Nothing of it is
   * collected or given to `onLine` then, so that it may be of any length. It is not ended; where it fails,
   * so does the command, with its error.
   */
  stdout?: Writable;
  /**
   * Run as root: directly where the SSH user is root, else through `sudo -n`.
   *
   * @default true
   */
  asRoot?: boolean;
  /**
   * The command is exactly what a rule of sudo allows, and limits its own time: nothing stands before it.
   * Where the server is reached through the runner, no other command is run as root.
   *
   * @default false
   */
  isRunner?: boolean;
  /**
   * Exit codes that are an answer and not a failure.
   *
   * @default [0]
   */
  acceptedExitCodes?: readonly number[];
}

/** What a command that ended with an accepted exit code left behind. */
export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Where commands run: one server, over one multiplexed SSH connection, or this machine. */
export interface Transport {
  /** The server for people: `root@chat.example.org:22`, or `this machine`. */
  readonly target: string;

  /**
   * Runs an argument vector (never shell code) and resolves when it has ended.
   *
   * @param label what the command does, for the error text: "read the host's facts"
   * @throws TransportError when the server can't be reached, the command fails, or time is up
   */
  run(label: string, argv: readonly string[], options: RunOptions): Promise<RunResult>;

  /** Ends the connection and every command that still runs over it. Safe to call twice. */
  close(): Promise<void>;
}

/** Why a {@link TransportError} happened, to branch on. */
export type TransportFailure =
  | "unreachable"
  | "host-key"
  | "authentication"
  | "sudo"
  | "connection-lost"
  /** The login shell on the server changes commands or adds text of its own. */
  | "login-shell"
  | "exit-code"
  /** The command wrote more than can be collected. */
  | "output"
  | "timeout"
  | "canceled";

/** A command that could not be run on a server, or that failed there. */
export class TransportError extends Error {
  override readonly name = "TransportError";

  constructor(
    message: string,
    readonly failure: TransportFailure,
    readonly details: { exitCode?: number; stdout?: string; stderr?: string } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The command was ended because its time was up. */
  get timedOut(): boolean {
    return this.failure === "timeout";
  }

  /** The command was ended by the caller's signal. */
  get isCanceled(): boolean {
    return this.failure === "canceled";
  }
}
