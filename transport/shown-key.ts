/** Which key a server shows, read so that a person can compare it with the server's own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { homePath } from "../common/home-path.ts";
import type { ServerAddress } from "./address.ts";
import { jumpCommand, shortDirectory } from "./connection.ts";
import { hostKeyAlgorithms, HOST_KEY_TYPES, parseHostKey } from "./host-key.ts";
import { lineReader, runProcess } from "./process.ts";
import { ConnectionError, diagnose, SshLog } from "./ssh-diagnosis.ts";

/** A key that a server showed. That it showed it proves nothing. */
export interface ShownKey {
  /** `ssh-ed25519 AAAA...` */
  hostKey: string;
  /**
   * What the operator's known_hosts says of it: it has this very key for the server, other ones, or
   * none at all.
   */
  known: "same" | "other" | "none";
}

/** What ssh_config makes of a host's name, as far as it is needed here. */
export interface ConfiguredHost {
  user: string;
  /** The name under which known_hosts has the server. */
  name: string;
  knownHostsFiles: string[];
}

/** Until the server has answered and shown its key, also through a jump host; in milliseconds. */
const SHOW_TIMEOUT = 30_000;
const LOOKUP_TIMEOUT = 10_000;

/**
 * Asks a server for its key and goes no further: nobody logs in. It is the key that ssh negotiates,
 * on the way that later connections take. ssh is let write it into a file of its own, which is
 * removed; nothing trusts it from then on.
 *
 * @throws ConnectionError where the server can't be reached, or known_hosts has the key as revoked
 */
export async function readShownKey(address: ServerAddress): Promise<ShownKey> {
  const configured = await readConfiguredHost(address);
  const knownKeys = await readKnownKeys(configured);
  // The server may have keys of several types: the ones that can be compared are wanted first.
  const types = [...new Set([...knownKeys.good.map(typeOf), ...HOST_KEY_TYPES])];
  const hostKey = await letShow(address, hostKeyAlgorithms(types));
  if (knownKeys.revoked.includes(hostKey)) {
    throw new ConnectionError("host-key", "known_hosts has the key that it showed as revoked");
  }
  const isKnown = knownKeys.good.includes(hostKey);
  return { hostKey, known: isKnown ? "same" : knownKeys.good.length > 0 ? "other" : "none" };
}

/** Asks ssh what the operator's ssh_config says of a host. */
export async function readConfiguredHost(
  address: Pick<ServerAddress, "host" | "port" | "knownHostsFile">,
): Promise<ConfiguredHost> {
  const port = address.port === undefined ? [] : ["-p", String(address.port)];
  const outcome = await runProcess("ssh", ["-G", ...port, "--", address.host], {
    timeout: LOOKUP_TIMEOUT,
  });
  if (outcome.kind !== "exited" || outcome.exitCode !== 0) {
    const cause = outcome.kind === "not-started" ? outcome.cause : outcome.stderr.trim();
    throw new ConnectionError("unreachable", `ssh can't read its configuration: ${cause}`);
  }
  const lines = outcome.stdout.split("\n").map((line) => /^(\S+) (.*)$/.exec(line) ?? []);
  const values = new Map(lines.map(([, key = "", value = ""]) => [key, value]));
  const hostname = values.get("hostname") ?? address.host;
  const realPort = values.get("port") ?? "22";
  const files = address.knownHostsFile ?? values.get("userknownhostsfile") ?? "";
  return {
    user: values.get("user") ?? "",
    name:
      values.get("hostkeyalias") ?? (realPort === "22" ? hostname : `[${hostname}]:${realPort}`),
    knownHostsFiles: [
      ...(address.knownHostsFile === undefined ? files.split(" ") : [files]),
      ...(values.get("globalknownhostsfile") ?? "").split(" "),
    ].filter((file) => file !== "" && file !== "none"),
  };
}

/** The keys that known_hosts files have for a server; hashed names are found too. */
async function readKnownKeys({ name, knownHostsFiles }: ConfiguredHost) {
  const keys = { good: [] as string[], revoked: [] as string[] };
  for (const file of knownHostsFiles) {
    const path = homePath(file);
    const argv = ["-F", name, "-f", path];
    const outcome = await runProcess("ssh-keygen", argv, { timeout: LOOKUP_TIMEOUT });
    for (const line of outcome.stdout.split("\n")) {
      const [, marker, key = ""] = /^(?:(@\S+)\s+)?(?!#)\S+\s+(\S+\s+\S+)/.exec(line) ?? [];
      const hostKey = parseHostKey(key);
      if (hostKey === undefined || marker === "@cert-authority") continue;
      keys[marker === "@revoked" ? "revoked" : "good"].push(hostKey);
    }
  }
  return keys;
}

async function letShow(address: ServerAddress, algorithms: string): Promise<string> {
  const directory = mkdtempSync(join(shortDirectory(), "chatalot-"));
  try {
    const file = join(directory, "shown");
    writeFileSync(file, "", { mode: 0o600 });
    const log = new SshLog();
    const lines = lineReader((line) => log.add(line));
    const outcome = await runProcess("ssh", showArguments(address, file, algorithms), {
      timeout: SHOW_TIMEOUT,
      environment: { SSH_ASKPASS_REQUIRE: "never", SHELL: "/bin/sh" },
    });
    lines.write(Buffer.from(outcome.stderr));
    lines.end();
    const [line = ""] = readFileSync(file, "utf8").split("\n");
    const hostKey = parseHostKey(line.split(" ").slice(1).join(" "));
    if (hostKey !== undefined) return hostKey;
    if (outcome.kind === "not-started") {
      const text = `the program "ssh" could not be started: ${outcome.cause}. Install OpenSSH`;
      throw new ConnectionError("unreachable", text);
    }
    if (outcome.kind === "timeout") {
      const seconds = SHOW_TIMEOUT / 1_000;
      throw new ConnectionError("unreachable", `no answer within ${seconds} seconds`);
    }
    throw diagnose(log, address);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function showArguments(address: ServerAddress, file: string, algorithms: string): string[] {
  const { host, user, port, jumpHost } = address;
  const settings = [
    "IgnoreUnknown=KnownHostsCommand",
    "BatchMode=yes",
    // Into a file that is read and removed: no later connection trusts this key.
    "StrictHostKeyChecking=accept-new",
    `UserKnownHostsFile="${file}"`,
    "GlobalKnownHostsFile=/dev/null",
    "KnownHostsCommand=none",
    "HostKeyAlias=chatalot-server",
    "HashKnownHosts=no",
    "CheckHostIP=no",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    `HostKeyAlgorithms=${algorithms}`,
    // The key has been shown before anybody logs in.
    "PreferredAuthentications=none",
    "PubkeyAuthentication=no",
    "GSSAPIAuthentication=no",
    "ControlMaster=no",
    "ConnectTimeout=8",
    "ConnectionAttempts=1",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "LogLevel=DEBUG1",
    ...(jumpHost === undefined ? [] : [`ProxyCommand=${jumpCommand(jumpHost)}`]),
  ];
  return [
    ...["-T", "-S", "none", "-l", user],
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...settings.flatMap((setting) => ["-o", setting]),
    // A server that lets everybody in has to end the connection all the same.
    ...["--", host, "true"],
  ];
}

function typeOf(hostKey: string): string {
  return hostKey.split(" ")[0] ?? "";
}
