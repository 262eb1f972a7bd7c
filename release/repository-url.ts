import { UserError } from "../common/errors.ts";
import { withoutControls } from "../common/text.ts";

/** A git repository that can be read, and how it may be shown. */
export interface Repository {
  kind: "https" | "ssh" | "local";
  /** What git is given; never contains credentials. */
  url: string;
  /**
   * What an https URL had in front of the host. It is given to git by a credential helper, since
   * a URL is visible in the list of processes.
   */
  credentials?: { username: string; password: string };
}

const MAXIMUM_LENGTH = 2_048;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
/** No characters that mean something to a shell: over ssh, the path is part of a command. */
const REMOTE_PATH = /^[A-Za-z0-9_.~/+%-]+$/;
const CONTROL_OR_SPACE = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/;

/**
 * Reads the address of a git repository: `https://host/path`, `ssh://[user@]host[:port]/path`,
 * `user@host:path`, or the absolute path of a repository on this machine.
 *
 * @throws UserError for anything else: other schemes run commands (`ext::`), read files that git
 *   was not meant to read (`file:`), or can be changed on the way (`http:`, `git:`)
 */
export function parseRepository(text: string): Repository {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const shown = withoutControls(withoutCredentials(text));
    throw new UserError(
      `The repository's address can't be used: ${error.message}: ` +
        `${JSON.stringify(shown.length > 100 ? `${shown.slice(0, 100)}…` : shown)}. ` +
        "Use https://host/path, ssh://user@host/path, user@host:path, or the absolute path of a " +
        "repository on this machine.",
    );
  }
}

/** Why {@link parseRepository} refuses an address; undefined where it doesn't. */
export function problemOfRepository(text: string): string | undefined {
  try {
    read(text);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

/** A text without the credentials that URLs in it may have. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(?<=\/\/)[^/\s]*@/g, "");
}

/** Why an address isn't used. */
class Refusal extends Error {}

function read(text: string): Repository {
  if (text.length > MAXIMUM_LENGTH) throw new Refusal("it is too long");
  if (text.startsWith("-")) throw new Refusal("it begins with a dash");
  if (text.startsWith("/")) {
    // A folder's name may have spaces, but nothing that could break a line of output.
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) {
      throw new Refusal("it has control characters");
    }
    return { kind: "local", url: text };
  }
  if (CONTROL_OR_SPACE.test(text)) throw new Refusal("it has spaces or control characters");
  if (text.startsWith("https://")) return parseHttps(text);
  if (text.startsWith("ssh://")) return parseSsh(text);
  const scp = /^([^@:/]+)@([^:/]+|\[[^\]]*\]):(?!:)(.+)$/.exec(text);
  if (scp !== null) return parseScp(text, scp);
  throw new Refusal("this kind of address isn't allowed");
}

function parseHttps(text: string): Repository {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Refusal("it isn't a URL");
  }
  if (!HOST.test(url.hostname)) throw new Refusal("it has no host");
  if (url.search !== "" || url.hash !== "") throw new Refusal("it has a query or a fragment");
  if (url.pathname === "/") throw new Refusal("it names no repository");
  const credentials = readCredentials(url);
  url.username = "";
  url.password = "";
  return { kind: "https", url: url.href, ...(credentials === undefined ? {} : { credentials }) };
}

function readCredentials(url: URL): Repository["credentials"] {
  if (url.username === "" && url.password === "") return undefined;
  let username: string;
  let password: string;
  try {
    username = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
  } catch {
    throw new Refusal("its credentials aren't percent-encoded correctly");
  }
  // A line break would be another line of git's credential protocol.
  if (CONTROL_OR_SPACE.test(username + password)) {
    throw new Refusal("its credentials have spaces or control characters");
  }
  return { username, password };
}

function parseSsh(text: string): Repository {
  const match = /^ssh:\/\/(?:([^@/]*)@)?([^@/[\]]+?|\[[^\]]*\])(?::(\d{1,5}))?(\/.*)$/.exec(text);
  const [, user, host = "", , path = ""] = match ?? [];
  if (match === null) throw new Refusal("it isn't of the form ssh://user@host/path");
  checkRemote(user, host, path);
  return { kind: "ssh", url: text };
}

function parseScp(text: string, [, user, host = "", path = ""]: RegExpExecArray): Repository {
  checkRemote(user, host, path);
  return { kind: "ssh", url: text };
}

function checkRemote(user: string | undefined, host: string, path: string): void {
  if (user !== undefined && !USER.test(user)) throw new Refusal("the user's name can't be used");
  if (!HOST.test(host)) throw new Refusal("the host's name can't be used");
  if (path.startsWith("-") || !REMOTE_PATH.test(path)) throw new Refusal("the path can't be used");
}
