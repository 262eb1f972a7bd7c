import { isIPv4, isIPv6 } from "node:net";
import * as z from "zod";
import { HOST_KEY_EXAMPLE, parseHostKey } from "./host-key.ts";

// All of these end up in arguments of `ssh`, some of them in its ProxyCommand, which a shell reads.
// So they are checked against what is allowed, never against what is known to be dangerous.
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.)){0,252}$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/;
// Quotes, backslashes, `$` and `%` mean something to ssh_config even within quotes.

const PATH = /^(?![-\s])[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}"'\\$%`]{1,1024}(?<!\s)$/u;
const JUMP =
  /^(?:(?<user>[^@[\]:]+)@)?(?:\[(?<address>[^[\]]+)\]|(?<name>[^@[\]:]+))(?::(?<port>\d+))?$/;

/** A server on the way to the server. */
export interface JumpHost {
  /** Default: as the operator's ssh_config has it. */
  user?: string;
  host: string;
  /** Default: as the operator's ssh_config has it. */
  port?: number;
}

function isHost(value: string): boolean {
  return isIPv4(value) || isIPv6(value) ? !value.includes("%") : NAME.test(value);
}

/** Undefined where it isn't a jump host. */
function parseJumpHost(value: string): JumpHost | undefined {
  const { user, address, name, port } = JUMP.exec(value)?.groups ?? {};
  const host = address ?? name;
  if (host === undefined || !isHost(host) || (address !== undefined && !isIPv6(address))) return;
  if (user !== undefined && !USER.test(user)) return;
  if (port !== undefined && !isPort(Number(port))) return;
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

const path = (what: string, example: string) =>
  z
    .string()
    .regex(PATH, { error: `expected the path of ${what}, for example "${example}"` })
    .optional();

/**
 * The fields of {@link serverAddressSchema}, for a larger object that has more of them.
 *
 * Such an object adds {@link oneSourceOfHostKeys} to its checks.
 */
export const serverAddressShape = {
  /** A host name, an IPv4 or IPv6 address, or a `Host` of the operator's ssh_config. */
  host: z.string().refine(isHost, {
    error:
      'expected a host name, an IP address or a Host of ssh_config, for example "chat.example.org"',
  }),
  /**
   * The user who logs in: root, or somebody in the group docker who may use `sudo` without a password, or
   * with `server.access` `runner` somebody who may use nothing but the runner.
   *
   * @default "root"
   * @example pulumi config set --path server.user deploy
   */
  user: z
    .string()
    .regex(USER, { error: 'expected a user name, for example "root" or "deploy"' })
    .default("root"),
  /**
   * How what needs root is done. `sudo`: by `sudo` for everything, or as root. `runner`: by the one program
   * that an administrator has installed (`npx chatalot runner`), so that the user needs no other right;
   * whatever else would need root is refused. Not without `server.host`.
   *
   * @default "sudo"
   * @example pulumi config set --path server.access runner
   */
  access: z.enum(["sudo", "runner"], { error: 'expected "sudo" or "runner"' }).optional(),
  /**
   * SSH's port.
   *
   * @default as the operator's ssh_config has it, which is 22 where it says nothing
   * @example pulumi config set --path server.port 2222
   */
  port: z
    .preprocess(
      (value) => (typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value),
      z.custom<number>(isPort, { error: "expected a port from 1 to 65535, for example 22" }),
    )
    .optional(),
  /**
   * The private key; only this one is tried then.
   *
   * @default the agent and ssh_config decide
   * @example pulumi config set --path server.identityFile ~/.ssh/id_ed25519
   */
  identityFile: path("a private key", "~/.ssh/id_ed25519"),
  /**
   * The server's public key, one per line, several while a key is being changed.
   *
   * @default the operator's known_hosts has it
   * @example pulumi config set --path server.hostKey "ssh-ed25519 AAAA..."
   */
  hostKey: z
    .union([z.string(), z.array(z.string())])
    .transform((value, context) => readHostKeys(value, context))
    .optional(),
  /**
   * A known_hosts file other than the operator's own. Not together with `hostKey`.
   *
   * @default the operator's own
   * @example pulumi config set --path server.knownHostsFile /home/me/known_hosts
   */
  knownHostsFile: path("a known_hosts file", "/home/me/known_hosts"),
  /**
   * A server to go through, `user@host:port`; its key is in the operator's known_hosts.
   *
   * @default none
   * @example pulumi config set --path server.jumpHost me@jump.example.org
   */
  jumpHost: z
    .union([
      z.string(),
      z.object({ user: z.string(), host: z.string(), port: z.number() }).partial(),
    ])
    .transform((value, context) => readJumpHost(value, context))
    .optional(),
};

/** How a server is reached. */
export const serverAddressSchema = z
  .strictObject(serverAddressShape)
  .superRefine((address, context) => oneSourceOfHostKeys(address, context));

/** An address that has been checked. */
export type ServerAddress = z.output<typeof serverAddressSchema>;

/** An address as an operator writes it. */
export type ServerAddressInput = z.input<typeof serverAddressSchema>;

/** Refuses `hostKey` beside `knownHostsFile`: one of the two would be ignored. */
export function oneSourceOfHostKeys(
  address: { hostKey?: unknown; knownHostsFile?: unknown },
  context: z.RefinementCtx,
): void {
  if (address.hostKey === undefined || address.knownHostsFile === undefined) return;
  context.addIssue({
    code: "custom",
    path: ["knownHostsFile"],
    message: 'set either "hostKey" or "knownHostsFile", not both',
  });
}

/** The server for people, in the form that every error text uses: `root@chat.example.org:22`. */
export function describeAddress({ user, host, port }: JumpHost): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return `${user === undefined ? "" : `${user}@`}${name}${port === undefined ? "" : `:${port}`}`;
}

function readHostKeys(value: string | string[], context: z.RefinementCtx): string[] {
  const lines = [value]
    .flat()
    .flatMap((text) => text.split(/\r?\n/))
    .filter((line) => line.trim() !== "");
  const keys = lines.map(parseHostKey);
  if (keys.length > 0 && keys.every((key) => key !== undefined)) return keys;
  context.addIssue({
    code: "custom",
    message: `expected the server's public key, one per line, for example "${HOST_KEY_EXAMPLE}"`,
  });
  return z.NEVER;
}

function readJumpHost(value: string | Partial<JumpHost>, context: z.RefinementCtx): JumpHost {
  const text = typeof value === "string" ? value : describeAddress({ host: "", ...value });
  const jumpHost = parseJumpHost(text);
  if (jumpHost !== undefined) return jumpHost;
  context.addIssue({
    code: "custom",
    message: 'expected a server to go through, for example "deploy@jump.example.org:22"',
  });
  return z.NEVER;
}
