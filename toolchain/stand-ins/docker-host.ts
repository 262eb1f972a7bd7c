import { runProcess, type ProcessResult } from "./processes.ts";
import type { Failure, ProviderConfiguration } from "./resource-type.ts";
import { hasUnknown, isRecord, type Properties } from "./values.ts";

/** How long connecting to a server may take, in seconds. */
const connectTimeoutSeconds = 30;
/** How long one docker command may take, the connection included, in seconds. */
const commandLimitSeconds = 120;
/** What ssh itself exits with when it can't reach or does not believe a server. */
const sshFailed = 255;

/** A Docker daemon: this machine's, one behind a socket, or one that is reached by ssh. */
interface DockerHost {
  /** `ssh://user@host:port` or `unix:///path`. Default: as the docker command chooses. */
  host?: string;
  /** Options for ssh, each one argument. */
  sshOpts: string[];
}

let current: DockerHost = { sshOpts: [] };

/** `pulumi:providers:docker`: where the daemon is. */
export const dockerConfiguration: ProviderConfiguration = {
  inputs: ["host", "sshOpts"],
  check(inputs) {
    const failures: Failure[] = [];
    if (hasUnknown(inputs)) return failures;
    for (const property of ["host", "sshOpts"] as const) {
      try {
        const parsed = hostOf(inputs);
        dockerArgv(parsed, []);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason.includes(`"${property}"`)) failures.push({ property, reason });
      }
    }
    return failures;
  },
  configure(inputs) {
    current = hostOf(inputs);
  },
};

function hostOf(inputs: Properties): DockerHost {
  const { host, sshOpts } = inputs;
  if (host !== undefined && host !== null && typeof host !== "string") {
    throw new Error(`"host" must be a text, and is ${JSON.stringify(host)}`);
  }
  return { ...(host ? { host } : {}), sshOpts: optionsOf(sshOpts) };
}

/** The SDK sends a provider's lists as JSON texts. */
function optionsOf(value: unknown): string[] {
  let list: unknown = value ?? [];
  if (typeof list === "string") {
    try {
      list = JSON.parse(list);
    } catch {
      // Refused below, with the text as it came.
    }
  }
  if (Array.isArray(list) && list.every((option) => typeof option === "string")) return list;
  throw new Error(`"sshOpts" must be a list of texts, and is ${JSON.stringify(value)}`);
}

/** The arguments that run a docker command at a daemon. */
export function dockerArgv({ host, sshOpts }: DockerHost, command: readonly string[]): string[] {
  if (host === undefined) return ["docker", ...command];
  if (host.startsWith("unix://")) return ["docker", "--host", host, ...command];
  if (!/^ssh:\/\/([^@/\s]+@)?[^@/\s]+$/.test(host)) {
    throw new Error(`"host" must be ssh://user@host:port or unix:///path, and is ${host}`);
  }
  const { username, hostname, port } = new URL(host);
  return [
    "ssh",
    // The first value of an option counts, so what was asked for stands before what we add.
    ...sshOpts,
    ...["-o", "BatchMode=yes", "-o", `ConnectTimeout=${connectTimeoutSeconds}`],
    ...["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"],
    ...(username ? ["-l", decodeURIComponent(username)] : []),
    ...(port ? ["-p", port] : []),
    "--",
    // An IPv6 address has brackets in a URL only.
    hostname.replace(/^\[(.*)\]$/, "$1"),
    ["docker", ...command].map(shellQuoted).join(" "),
  ];
}

/** A word that a POSIX shell, as the one ssh runs commands with, takes as it is. */
export function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Runs a docker command at the configured daemon.
 *
 * @param what what the command does, for the error: "create the volume x"
 * @param accepts whether a failure is an answer
 */
export async function runDocker(
  what: string,
  command: readonly string[],
  accepts: (result: ProcessResult) => boolean = () => false,
): Promise<ProcessResult> {
  const argv = dockerArgv(current, command);
  const result = await runProcess(argv, { limitSeconds: commandLimitSeconds });
  if (result.exitCode === 0 || (result.exitCode !== sshFailed && accepts(result))) return result;
  const where = current.host ?? "this machine";
  const cause = result.timedOut
    ? `no end after ${commandLimitSeconds} s`
    : result.stderr.trim() || `exit code ${result.exitCode}`;
  throw new Error(`Could not ${what} at ${where}: ${cause}`);
}

/** The JSON object that a docker command printed. */
export function parseObject(what: string, text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (isRecord(value)) return value;
  throw new Error(`Could not ${what}: docker printed ${text.slice(0, 200)}`);
}
