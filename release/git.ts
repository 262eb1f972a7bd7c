import { constants } from "node:buffer";
import { execa, ExecaError } from "execa";
import { describeMilliseconds } from "../common/duration.ts";
import { UserError } from "../common/errors.ts";
import { withoutCredentials, type Repository } from "./repository-url.ts";

/** Milliseconds for a git command that needs no network. */
const LOCAL_TIME_LIMIT = 60_000;

export interface GitOptions {
  /** What git reads from its standard input. */
  input?: string;
  /** Milliseconds. @default one minute */
  timeLimit?: number;
  signal?: AbortSignal;
  /** The repository that is talked to; opens the one protocol that it needs. */
  remote?: Repository;
}

/** Why a git command failed, in one line that can be shown. */
export class GitError extends Error {
  override readonly name = "GitError";
}

/**
 * Runs git on a bare repository and returns its standard output.
 *
 * Nothing of the user's surroundings may change what happens: no hooks, no questions, no system
 * configuration, no protocol but the one that is needed. The user's own configuration is read,
 * because proxies and credential helpers stand there.
 */
export async function git(
  directory: string,
  argv: readonly string[],
  options: GitOptions = {},
): Promise<Buffer> {
  const { remote, timeLimit = LOCAL_TIME_LIMIT } = options;
  const settings = [...SETTINGS, ...(remote === undefined ? [] : remoteSettings(remote))];
  const all = [
    ...settings.flatMap((setting) => ["-c", setting]),
    `--git-dir=${directory}`,
    ...argv,
  ];
  const child = execa("git", all, {
    input: options.input ?? "",
    encoding: "buffer",
    stripFinalNewline: false,
    maxBuffer: constants.MAX_LENGTH,
    // A process group of its own, see endGroup.
    detached: true,
    extendEnv: false,
    env: environment(remote),
  });
  const end = endGroup(child.pid);
  const limit = AbortSignal.timeout(timeLimit);
  const signals = options.signal === undefined ? [limit] : [limit, options.signal];
  const either = AbortSignal.any(signals);
  either.addEventListener("abort", end);
  process.on("exit", end);
  try {
    either.throwIfAborted();
    const { stdout } = await child;
    return Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  } catch (error) {
    end();
    if (options.signal?.aborted === true) throw new GitError("it was canceled", { cause: error });
    if (!limit.aborted) throw failure(error);
    throw new GitError(`no result after ${describeMilliseconds(timeLimit)}`, { cause: error });
  } finally {
    either.removeEventListener("abort", end);
    process.off("exit", end);
  }
}

/**
 * Ends git and its helpers. Ending git alone leaves the one that waits for the network, which would
 * keep our end of its output open for minutes.
 */
function endGroup(pid: number | undefined): () => void {
  return () => {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
}

const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "protocol.allow=never",
  "submodule.recurse=false",
  "fetch.recurseSubmodules=false",
  "fetch.writeCommitGraph=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "advice.detachedHead=false",
];

function remoteSettings(remote: Repository): string[] {
  const protocol = remote.kind === "local" ? "file" : remote.kind;
  const settings = [`protocol.${protocol}.allow=always`];
  // Below 1 KB in a second for 30 seconds, nothing is coming any more.
  settings.push("http.lowSpeedLimit=1000", "http.lowSpeedTime=30");
  // An empty entry drops the helpers of the user's configuration, which know other credentials.
  if (remote.credentials !== undefined) {
    settings.push("credential.helper=", `credential.helper=${CREDENTIAL_HELPER}`);
  }
  return settings;
}

/** A constant: the values come by the environment, which other users can't read. */
const CREDENTIAL_HELPER =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" ' +
  '"$CHATALOT_DEPLOY_GIT_USERNAME" "$CHATALOT_DEPLOY_GIT_PASSWORD"; }; f';

/** Variables of git's own that a user may need for reaching a repository. */
const KEPT = new Set([
  "GIT_CONFIG_GLOBAL",
  "GIT_PROXY_COMMAND",
  "GIT_SSH",
  "GIT_SSH_VARIANT",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
  "GIT_SSL_CERT",
  "GIT_SSL_KEY",
]);

function environment(remote: Repository | undefined): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    // GIT_DIR and the like, set where this runs inside of a git hook, would point elsewhere.
    const isForeign = name.startsWith("GIT_") && !KEPT.has(name);
    if (value !== undefined && !isForeign) kept[name] = value;
  }
  const ssh = process.env["GIT_SSH_COMMAND"] ?? "ssh";
  return {
    ...kept,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    // Set but empty: no window asks for a password either.
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_SSH_COMMAND: `${ssh} -o BatchMode=yes -o ConnectTimeout=20`,
    ...(remote?.credentials === undefined
      ? {}
      : {
          CHATALOT_DEPLOY_GIT_USERNAME: remote.credentials.username,
          CHATALOT_DEPLOY_GIT_PASSWORD: remote.credentials.password,
        }),
  };
}

function failure(error: unknown): unknown {
  if (!(error instanceof ExecaError)) return error;
  if (error.code === "ENOENT") {
    return new UserError(
      "Releases can't be read: git isn't installed on this machine. Install git 2.31 or newer.",
    );
  }
  const stderr = Buffer.from(error.stderr as unknown as Uint8Array).toString();
  return new GitError(reasonIn(stderr), { cause: error });
}

/** The lines in which git says what is wrong, on one line and without credentials. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const telling = lines.filter((line) => /^(fatal|error|ssh|ERROR)\b/.test(line));
  const chosen = (telling.length > 0 ? telling : lines.filter((line) => line !== "")).slice(0, 3);
  // What a server sends must not steer the terminal.
  const text = withoutCredentials(chosen.join("; ")).replaceAll(/[\u0000-\u001f\u007f]/g, " ");
  return text === "" ? "git gave no reason" : text.slice(0, 400).replace(/[.\s]+$/, "");
}
