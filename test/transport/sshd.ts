import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, type ResultPromise } from "execa";
import { serverAddressSchema, type ServerAddress } from "../../transport/address.ts";
import { ensureSshd, SSHD } from "./sshd-program.ts";

/** A real sshd on the loopback device, with keys of its own. */
export interface TestServer {
  readonly port: number;
  /** Holds keys, settings and log. */
  readonly directory: string;
  /** The public keys that it shows, without comments. */
  readonly hostKeys: { ed25519: string; ecdsa: string };
  /** How the tests reach it: by its key, with the client's key. */
  readonly address: ServerAddress;
  /** What sshd logged. */
  log(): string;
  /** How many TCP connections it has had. */
  connections(): number;
  /** Processes of sshd that serve a connection. */
  sessionProcesses(): Promise<number[]>;
  stop(): Promise<void>;
}

/** Nobody listens there, and no program gets it by chance. */
export const CLOSED_PORT = 1;

/** How many ports are tried: somebody else may take the chosen one before sshd does. */
const MOST_PORTS = 5;

/**
 * @param settings further lines for sshd_config; the first value of a setting counts
 * @param choosePort gives the port; asked again where somebody else has it by then
 */
export async function startServer(
  settings: readonly string[] = [],
  choosePort = freePort,
): Promise<TestServer> {
  await ensureSshd();
  const directory = mkdtempSync(join(tmpdir(), "sshd-"));
  const newKey = async (name: string, type: string): Promise<string> => {
    const file = join(directory, name);
    await execa("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", name, "-f", file]);
    return readFileSync(`${file}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
  };
  const hostKeys = {
    ed25519: await newKey("host_ed25519", "ed25519"),
    ecdsa: await newKey("host_ecdsa", "ecdsa"),
  };
  writeFileSync(join(directory, "authorized_keys"), `${await newKey("client", "ed25519")}\n`);

  const lines = [
    ...settings,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(directory, "host_ecdsa")}`,
    `HostKey ${join(directory, "host_ed25519")}`,
    `AuthorizedKeysFile ${join(directory, "authorized_keys")}`,
    "PermitRootLogin prohibit-password",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "PidFile none",
    // bash reads root's .bashrc in the first shell below sshd: whatever this machine has in it.
    "SetEnv SHLVL=5",
    "LogLevel DEBUG1",
  ];
  const logFile = join(directory, "log");
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
  const listen = async (): Promise<{ port: number; child: ResultPromise }> => {
    for (let attempt = 1; ; attempt++) {
      const port = await choosePort();
      writeFileSync(join(directory, "sshd_config"), `Port ${port}\n${lines.join("\n")}\n`);
      rmSync(logFile, { force: true });
      const child = execa(SSHD, ["-D", "-f", join(directory, "sshd_config"), "-E", logFile], {
        reject: false,
      });
      await waitUntil("sshd listens", () => {
        return child.exitCode !== null || log().includes("Server listening");
      });
      if (child.exitCode === null) return { port, child };
      if (attempt === MOST_PORTS || !log().includes("Address already in use"))
        throw new Error(`sshd ended at its start: ${log()}`);
    }
  };
  const { port, child } = await listen();

  return {
    port,
    directory,
    hostKeys,
    address: serverAddressSchema.parse({
      host: "127.0.0.1",
      user: "root",
      port,
      identityFile: join(directory, "client"),
      hostKey: hostKeys.ed25519,
    }),
    log,
    connections: () => log().match(/^Connection from /gm)?.length ?? 0,
    sessionProcesses: () => childrenOf(child),
    async stop() {
      for (const pid of await childrenOf(child)) kill(pid, "SIGKILL");
      child.kill("SIGKILL");
      await child;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Waits for something that takes a moment, on a slow machine a longer one. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} seconds in vain until ${what}`);
    await sleep(20);
  }
}

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** The ids of all processes whose command line contains a text. */
export async function processesWith(text: string): Promise<number[]> {
  const { stdout } = await execa("ps", ["-eo", "pid=,stat=,args="]);
  return stdout
    .split("\n")
    .filter((line) => line.includes(text) && !/^\s*\d+\s+Z/.test(line))
    .map((line) => Number.parseInt(line, 10));
}

/** The ids of all processes with exactly this command line. */
export async function processesOf(commandLine: string): Promise<number[]> {
  const { stdout } = await execa("ps", ["-eo", "pid=,args="]);
  return stdout
    .split("\n")
    .filter((line) => line.trim().replace(/^\d+ +/, "") === commandLine)
    .map((line) => Number.parseInt(line, 10));
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

async function childrenOf(child: ResultPromise): Promise<number[]> {
  const { stdout } = await execa("ps", ["-o", "pid=", "--ppid", String(child.pid)], {
    reject: false,
  });
  return stdout.split("\n").filter(Boolean).map(Number);
}
