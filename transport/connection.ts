import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { describeAddress, type ServerAddress } from "./address.ts";
import { hostKeyAlgorithms } from "./host-key.ts";
import { lineReader, signalGroup } from "./process.ts";
import { homePath } from "../common/home-path.ts";
import { quoteCommand } from "../common/quote.ts";
import { ConnectionError, diagnose, SshLog } from "./ssh-diagnosis.ts";

/** One SSH connection, over which any number of commands can run at the same time. */
export interface Connection {
  /** Where `ssh -S` finds the connection. */
  readonly controlPath: string;
  /** False as soon as it is known to have ended. */
  readonly isOpen: boolean;
  /** Asks the connection itself, which may have ended a moment ago. */
  check(): Promise<boolean>;
  /** What ended it, led by ": ", or nothing. */
  readonly ending: string;
  close(): Promise<void>;
}

/** All in milliseconds. */
const LIMITS = {
  /** Until the server answers; a host name may have several addresses, each with its own 8 s. */
  reach: 9_000,
  /** Until the login is done: some agents ask a person, some servers look up names first. */
  login: 30_000,
  /** Until ssh has ended after it was asked to. */
  end: 2_000,
};

/**
 * Socket paths end at 104 bytes on macOS, and ssh adds 17 characters to the name while it makes one.
 */
const LONGEST_DIRECTORY = 70;

/**
 * Runs ssh until it ends or nobody holds the other end of standard input any more: the end of this
 * process, however it comes, ends the connection and removes the files that belonged to it.
 */
const RUN_WHILE_HELD = `
directory=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
connection=$!
{ read -r line <&3; kill "$connection"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$connection"
status=$?
kill "$watcher" 2>/dev/null
rm -rf -- "$directory"
exit "$status"
`;

/** What has to end with this process, which can't wait at that moment. */
const open = new Map<number, string>();

process.on("exit", () => {
  for (const [pid, directory] of open) {
    signalGroup(pid, "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
});

/**
 * Connects to a server and logs in.
 *
 * @throws ConnectionError when that isn't possible
 */
export async function connect(address: ServerAddress, signal: AbortSignal): Promise<Connection> {
  assertIdentity(address);
  const directory = mkdtempSync(join(shortDirectory(), "chatalot-"));
  const controlPath = join(directory, "c");
  const log = new SshLog();

  const child = execa(
    "/bin/sh",
    ["-c", RUN_WHILE_HELD, "connection", directory, "ssh", ...options(address, directory)],
    {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "pipe",
      buffer: false,
      cleanup: false,
      // Away from the terminal: a ^C there is for this process to decide about, and ssh can't ask.
      detached: true,
      env: { SSH_ASKPASS_REQUIRE: "never", SHELL: "/bin/sh" },
      reject: false,
    },
  );
  const { pid } = child;
  if (pid === undefined) {
    rmSync(directory, { recursive: true, force: true });
    throw new ConnectionError("unreachable", "/bin/sh could not be started");
  }
  open.set(pid, directory);

  let isOpen = true;
  const ended = child.then(() => {
    isOpen = false;
    open.delete(pid);
    rmSync(directory, { recursive: true, force: true });
  });
  const lines = lineReader((line) => log.add(line));
  child.stderr.on("data", (chunk: Buffer) => lines.write(chunk));
  child.stderr.on("end", () => lines.end());

  const close = async (): Promise<void> => {
    // From here on somebody waits: without this the process would end in the middle of that.
    child.ref();
    (child.stderr as Partial<Socket>).ref?.();
    child.stdin.destroy();
    const force = setTimeout(() => {
      signalGroup(pid, "SIGKILL");
      child.stderr.destroy();
    }, LIMITS.end);
    await ended;
    clearTimeout(force);
  };

  const started = Date.now();
  try {
    // ssh makes the socket when it has logged in.
    while (!existsSync(controlPath)) {
      if (!isOpen) throw diagnose(log, address);
      signal.throwIfAborted();
      const waited = Date.now() - started;
      const reached = log.connected || log.throughProxy;
      if (waited > (reached ? LIMITS.login : LIMITS.reach)) {
        throw new ConnectionError("unreachable", describeSilence(address, reached, waited));
      }
      await sleep(10);
    }
  } catch (error) {
    await close();
    throw error;
  }

  log.authenticated = true;

  // An idle connection is no reason for this process to go on: whoever forgets to close it doesn't
  // hang. Commands that run over it have processes of their own.
  child.unref();
  for (const stream of [child.stdin, child.stderr]) (stream as Partial<Socket>).unref?.();

  return {
    controlPath,
    get isOpen() {
      return isOpen;
    },
    check: async () => isOpen && (await accepts(controlPath)),
    get ending() {
      return log.ending;
    },
    close,
  };
}

/** The arguments of the ssh that holds the connection. The first value that ssh meets counts. */
function options(address: ServerAddress, directory: string): string[] {
  const { host, user, port, identityFile, jumpHost } = address;
  const settings = [
    // Names that an older ssh doesn't know are no reason to fail.
    "IgnoreUnknown=KnownHostsCommand",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    ...hostKeyOptions(address, directory),
    "ControlMaster=yes",
    "ControlPersist=no",
    // Packets that were lost are sent again after 1, 3 and 7 seconds; the next would be at 15.
    "ConnectTimeout=8",
    "ConnectionAttempts=1",
    // A cut network shows after 15 to 20 seconds.
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "Tunnel=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    // For the diagnosis: it says which key the server showed. None of it reaches the operator.
    "LogLevel=DEBUG1",
    ...(identityFile === undefined ? [] : [`IdentityFile="${identityFile}"`, "IdentitiesOnly=yes"]),
    ...(jumpHost === undefined ? [] : [`ProxyCommand=${jumpCommand(jumpHost)}`]),
  ];
  return [
    ...["-N", "-T", "-S", join(directory, "c"), "-l", user],
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...settings.flatMap((setting) => ["-o", setting]),
    ...["--", host],
  ];
}

function hostKeyOptions(address: ServerAddress, directory: string): string[] {
  const { hostKey, knownHostsFile } = address;
  if (hostKey === undefined) {
    return knownHostsFile === undefined ? [] : [`UserKnownHostsFile="${knownHostsFile}"`];
  }
  if (knownHostsFile !== undefined)
    throw new TypeError("hostKey and knownHostsFile exclude each other");
  const file = join(directory, "known_hosts");
  const alias = "chatalot-server";
  writeFileSync(file, hostKey.map((key) => `${alias} ${key}\n`).join(""), { mode: 0o600 });
  return [
    `UserKnownHostsFile="${file}"`,
    "GlobalKnownHostsFile=/dev/null",
    "KnownHostsCommand=none",
    `HostKeyAlias=${alias}`,
    `HostKeyAlgorithms=${hostKeyAlgorithms(hostKey)}`,
    "CheckHostIP=no",
  ];
}

/**
 * The way through a jump host. `ssh -J` would start an ssh there that has none of these settings:
 * it would ask the operator, or take a key that it doesn't know where ssh_config allows that.
 */
export function jumpCommand({ host, user, port }: NonNullable<ServerAddress["jumpHost"]>): string {
  const settings = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10"];
  const before = [
    "ssh",
    ...settings.flatMap((setting) => ["-o", setting]),
    ...["-S", "none", "-o", "ForwardAgent=no", "-o", "ForwardX11=no"],
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    "-W",
  ];
  // ssh puts the server's address in; what it puts in comes from our address or ssh_config.
  return `${quoteCommand(before)} '[%h]:%p' ${quoteCommand(["--", host])}`;
}

/** ssh would go on without the key and report that the server refused every key. */
function assertIdentity({ identityFile }: ServerAddress): void {
  if (identityFile === undefined) return;
  const file = homePath(identityFile);
  if (existsSync(file)) return;
  const text = `the private key "${identityFile}" does not exist. Correct "server.identityFile"`;
  throw new ConnectionError("authentication", text);
}

function describeSilence(address: ServerAddress, reached: boolean, waited: number): string {
  const server = describeAddress({
    host: address.host,
    ...(address.port && { port: address.port }),
  });
  const seconds = Math.round(waited / 1_000);
  return reached
    ? `${server} answered, but there was no login within ${seconds} seconds`
    : `no answer from ${server} within ${seconds} seconds: connection timed out`;
}

/** Where a socket can have a path that is short enough and means only itself in ssh's settings. */
export function shortDirectory(): string {
  const directory = tmpdir();
  const usable = directory.length <= LONGEST_DIRECTORY && /^[A-Za-z0-9_/.+-]+$/.test(directory);
  return usable ? directory : "/tmp";
}

function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
