import { describeAddress, type ServerAddress } from "./address.ts";
import { fingerprint } from "./host-key.ts";
import { plainText } from "../common/text.ts";
import { tailOf } from "./outcome.ts";
import type { TransportFailure } from "./transport.ts";

/** Why there is no connection, without the words that say which command wanted one. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  constructor(
    readonly failure: TransportFailure,
    message: string,
  ) {
    super(message);
  }
}

/** Lines that tell how far ssh got, and lines it writes at this log level that nobody needs. */
const PROGRESS =
  /^(?:debug\d: |Authenticated to |Authenticating to |Transferred: |Bytes per second: )/;

/** How many lines of ssh's own words are kept. */
const MOST_LINES = 30;

/**
 * What ssh says when a connection ends, and what that means. Only these meanings are kept of what
 * it says after the login: at its log level it also says every command, line breaks and all, and no
 * error may carry any of that.
 */
const ENDINGS: readonly [RegExp, string][] = [
  [/^Timeout, server \S+ not responding/, "the server stopped answering"],
  [/^Received disconnect from /, "the server ended it"],
  [/^Connection to \S+ closed by remote host/, "the server ended it"],
  [/^Read from remote host \S+: |^Connection reset by /, "the network ended it"],
  [/^client_loop: (?:send disconnect|.*: Broken pipe)/, "the network ended it"],
];

/** Follows what `ssh -o LogLevel=DEBUG1` says about one connection. */
export class SshLog {
  /** The server, or the first one on the way to it, has answered. */
  connected = false;
  /** Another program makes the connection: then ssh doesn't say when it is there. */
  throughProxy = false;
  authenticated = false;
  /** The key that the server showed: `ssh-ed25519 SHA256:...`. */
  shownHostKey: string | undefined;
  /** What ended the connection after the login, led by ": ", or nothing. */
  ending = "";
  readonly #lines: string[] = [];

  add(line: string): void {
    const text = plainText(line);
    if (this.authenticated) {
      const meaning = ENDINGS.find(([form]) => form.test(text))?.[1];
      if (meaning !== undefined) this.ending = `: ${meaning}`;
      return;
    }
    if (text.startsWith("debug1: Connection established")) this.connected = true;
    if (text.startsWith("debug1: Executing proxy command")) this.throughProxy = true;
    if (text.startsWith("Authenticated to ")) this.authenticated = true;
    this.shownHostKey ??= /^debug1: Server host key: (\S+ \S+)/.exec(text)?.[1];
    if (PROGRESS.test(text) || text.trim() === "") return;
    this.#lines.push(text.trim());
    if (this.#lines.length > MOST_LINES) this.#lines.shift();
  }

  /** What ssh said until the login that isn't about its progress. */
  get text(): string {
    return this.#lines.join("\n");
  }
}

/** What kept ssh from connecting, and what to do about it. */
export function diagnose(log: SshLog, address: ServerAddress): ConnectionError {
  const { text } = log;
  // The server itself shows its key before anything else can go wrong with it.
  const { jumpHost } = address;
  const atJump = jumpHost !== undefined && log.shownHostKey === undefined;
  const where = atJump ? `jump host ${describeAddress(jumpHost)}: ` : "";

  if (/no matching host key type found/i.test(text)) {
    return new ConnectionError(
      "host-key",
      `${where}the host key is of another type${tailOf(text)}`,
    );
  }
  if (/host key verification failed|host identification has changed|key .*revoked/i.test(text)) {
    return new ConnectionError(
      "host-key",
      atJump
        ? `${where}its host key is not the one in known_hosts. Check the key out of band, then add it there`
        : describeHostKey(log, address),
    );
  }
  if (
    /permission denied|too many authentication failures|no supported authentication/i.test(text)
  ) {
    return new ConnectionError(
      "authentication",
      `${where}every key was refused. Add the public key to authorized_keys there, and load the ` +
        `private one into the agent or set "server.identityFile"${tailOf(text)}`,
    );
  }
  // The last words name host, port and cause: "connect to host x port 22: Connection refused".
  const cause = text.replace(/^ssh: /gm, "").trim();
  return new ConnectionError(
    "unreachable",
    `${where}${cause === "" ? "ssh ended without a reason" : cause}`,
  );
}

function describeHostKey(log: SshLog, address: ServerAddress): string {
  const shown = log.shownHostKey ?? "an unknown key";
  const { hostKey, host } = address;
  const changed = hostKey !== undefined || /has changed/i.test(log.text);
  const expected =
    hostKey === undefined
      ? "known_hosts has another one"
      : `"server.hostKey" is ${hostKey.map(fingerprint).join(" or ")}`;
  return (
    `the host key is ${changed ? "wrong" : "unknown"}: the server showed ${shown}` +
    `${changed ? `, ${expected}. The server was installed anew, or this is not the server` : ""}. ` +
    `Nothing was sent. On the server's own console, run ` +
    `"cat /etc/ssh/ssh_host_*_key.pub" and set "server.hostKey" to what it says ` +
    `(not to what ssh-keyscan finds at ${host}: that is the key which was just shown)`
  );
}
