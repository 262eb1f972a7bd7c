import { isIP } from "node:net";
import { nearest } from "./nearest.ts";
import { alternatives, type Problem } from "./problems.ts";

/** A rule for a variable's value: what is expected, an example, and whether a value is right. */
interface Rule {
  expected: string;
  example: string;
  accepts: (value: string) => boolean;
}

const text: Rule = { expected: "text", example: '"text"', accepts: () => true };

function oneOf(...values: string[]): Rule {
  return {
    expected: alternatives(values),
    example: values[0] ?? "",
    accepts: (value) => values.includes(value),
  };
}

function matching(pattern: RegExp, expected: string, example: string): Rule {
  return { expected, example, accepts: (value) => pattern.test(value) };
}

const megabytes = matching(/^[1-9]\d{0,6}$/, "a whole number of megabytes", "250");
/** These become part of coturn's command line, where a space would begin another option. */
const wordOfCommand = "a word of letters, digits and . _ ~ + - without spaces or quotes";

const iceServers: Rule = {
  expected: "a list of ICE servers in JSON",
  example: '[{"urls":"stun:stun.example.org:3478"}]',
  accepts: (value) => {
    try {
      return Array.isArray(JSON.parse(value));
    } catch {
      return false;
    }
  },
};

/**
 * Chatalot's variables that are no secrets, as its releases from v0.17.0 on know them. A wrong
 * REGISTRATION_MODE or COMMUNITY_CREATION_MODE is ignored by the server in favour of its default,
 * which is why the values are checked here.
 */
const PLAIN: Record<string, Rule> = {
  ADMIN_USERNAME: text,
  COMMUNITY_CREATION_MODE: oneOf("admin_only", "open"),
  CORS_ORIGINS: text,
  FORGEJO_API_URL: text,
  FORGEJO_REPO_NAME: text,
  FORGEJO_REPO_OWNER: text,
  GITHUB_REPO_NAME: text,
  GITHUB_REPO_OWNER: text,
  ICE_SERVERS: iceServers,
  MAX_FILE_SIZE_MB: megabytes,
  REGISTRATION_MODE: oneOf("invite_only", "open", "closed"),
  RUST_LOG: text,
  TURN_EXTERNAL_IP: {
    expected: "an IP address",
    example: "203.0.113.7",
    accepts: (value) => isIP(value) !== 0,
  },
  TURN_USER: matching(/^[A-Za-z0-9._~+-]+$/, wordOfCommand, "chatalot"),
  UPLOAD_QUOTA_MB: megabytes,
  VAPID_PUBLIC_KEY: text,
};

/** Chatalot's variables that are secrets, and those that may contain one. */
const SECRET: Record<string, Rule> = {
  CLOUDFLARE_TUNNEL_TOKEN: text,
  FORGEJO_API_TOKEN: text,
  GIPHY_API_KEY: text,
  GITHUB_API_TOKEN: text,
  ICE_SERVERS: iceServers,
  TURN_PASSWORD: matching(/^[A-Za-z0-9._~+-]+$/, wordOfCommand, "(not shown)"),
  VAPID_PRIVATE_KEY: text,
  VAPID_PUBLIC_KEY: text,
};

/** Variables that this tool sets itself, and what to set instead. */
const MANAGED: Record<string, string> = {
  COMPOSE_FILE: 'is set by this tool; own changes belong into "docker-compose.override.yml"',
  COMPOSE_PROFILES: 'is set by this tool; use "profiles"',
  COMPOSE_PROJECT_NAME: 'is set by this tool; use "project"',
  DATABASE_URL: "is set by this tool and can't be chosen",
  DB_PASSWORD: "is made by this tool, or kept as the server has it",
  FILE_STORAGE_PATH: "is where the volume with the uploads is, and can't be chosen",
  JWT_PRIVATE_KEY_PATH: "is set by this tool; the key is made, or kept as the server has it",
  JWT_PUBLIC_KEY_PATH: "is set by this tool; the key is made, or kept as the server has it",
  LISTEN_ADDR: 'is set by the release; use "listen"',
  PUBLIC_URL: 'is set by this tool; use "url"',
  STATIC_FILES_PATH: "is set by the release and can't be chosen",
  TOTP_ENCRYPTION_KEY: "is made by this tool, or kept as the server has it",
};

/** Linux takes 128 KiB for one variable, its name included. */
const MAXIMUM_LENGTH = 32_768;

const NAME = /^[A-Z_][A-Z0-9_]*$/;
const LOOKS_SECRET = /(?:KEY|TOKEN|PASSWORD|SECRET)$/;

/** Whether a variable of this name is one of Chatalot's, and under which setting it belongs. */
export function homeOf(name: string): "env" | "secretEnv" | undefined {
  if (Object.hasOwn(PLAIN, name)) return "env";
  return Object.hasOwn(SECRET, name) ? "secretEnv" : undefined;
}

/** Whether this tool sets a variable itself. */
export function isManaged(name: string): boolean {
  return Object.hasOwn(MANAGED, name);
}

/** Whether a variable that is not known here is a secret, by its name. */
export function looksSecret(name: string): boolean {
  return LOOKS_SECRET.test(name);
}

/** In the place of a value that is set and encrypted: its name is looked at, and the value counts as right. */
export const UNREAD = Symbol("encrypted");

/**
 * Reads `env` or `secretEnv`. What YAML made a number or a boolean becomes text again, {@link UNREAD} empty text.
 *
 * @param further names that the operator allows although they aren't known here
 * @param problems is added to; values are named in it for `env` only
 */
export function readEnvironment(
  kind: "env" | "secretEnv",
  value: unknown,
  further: readonly string[],
  problems: Problem[],
): Record<string, string> {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const secret = kind === "env" ? "" : "--secret ";
    problems.push({
      key: kind,
      cause: "expected variables by their names",
      example: `pulumi config set --path ${secret}${kind}.${kind === "env" ? "MAX_FILE_SIZE_MB 250" : "GIPHY_API_KEY"}`,
    });
    return {};
  }
  const result: [string, string][] = [];
  for (const [name, given] of Object.entries(value)) {
    const isRead = given !== UNREAD;
    const problem =
      problemOfName(kind, name, further) ??
      (isRead ? problemOfValue(kind, name, given) : undefined);
    if (problem === undefined) result.push([name, isRead ? String(given) : ""]);
    else problems.push({ key: `${kind}.${name}`, ...problem });
  }
  return Object.fromEntries(result);
}

function problemOfName(
  kind: "env" | "secretEnv",
  name: string,
  further: readonly string[],
): Omit<Problem, "key"> | undefined {
  const managed = Object.hasOwn(MANAGED, name) ? MANAGED[name] : undefined;
  if (managed !== undefined) return { cause: `this variable ${managed}` };
  if (!NAME.test(name)) {
    return { cause: "a variable's name has capital letters, digits and underscores only" };
  }
  const known = kind === "env" ? PLAIN : SECRET;
  if (Object.hasOwn(known, name)) return undefined;
  if (kind === "env" && (homeOf(name) === "secretEnv" || LOOKS_SECRET.test(name))) {
    return {
      cause: "this is a secret and belongs under secretEnv",
      example:
        `pulumi config rm --path env.${name}; ` +
        `pulumi config set --path --secret secretEnv.${name}`,
    };
  }
  // A plain variable may be kept secret as well.
  if (homeOf(name) !== undefined || further.includes(name)) return undefined;
  const near = nearest(name, [...Object.keys(PLAIN), ...Object.keys(SECRET)]);
  return {
    cause:
      near === undefined
        ? "Chatalot has no such variable"
        : `Chatalot has no such variable; the nearest is ${near}`,
    ...(near === undefined
      ? { example: `if it has by now: pulumi config set --path 'moreEnv[0]' ${name}` }
      : {}),
  };
}

function problemOfValue(
  kind: "env" | "secretEnv",
  name: string,
  value: unknown,
): Omit<Problem, "key"> | undefined {
  const got = kind === "env" ? { got: { value } } : {};
  const rule = (kind === "env" ? PLAIN[name] : SECRET[name]) ?? PLAIN[name] ?? text;
  const { expected, example } = rule;
  const isText = ["string", "number", "boolean"].includes(typeof value);
  if (!isText || (typeof value === "number" && !Number.isSafeInteger(value))) {
    return { cause: `expected ${expected} in quotes`, ...got, example };
  }
  const written = String(value);
  if (/[\n\r\0]/.test(written)) return { cause: "expected one line of text", ...got, example };
  if (written.length > MAXIMUM_LENGTH) {
    return { cause: `expected at most ${MAXIMUM_LENGTH} characters`, ...got, example };
  }
  // Half a character can't be written as UTF-8.
  if (/\p{Surrogate}/u.test(written)) return { cause: "expected valid Unicode", ...got, example };
  return rule.accepts(written) ? undefined : { cause: `expected ${expected}`, ...got, example };
}
