/** The questions that need nothing but their answer. */
import { isIP } from "node:net";
import { isAbsolute, resolve } from "node:path";
import { UserError } from "../../common/errors.ts";
import { homePath } from "../../common/home-path.ts";
import type { Settings } from "../../settings/parse.ts";
import type { FlagQuestion } from "./interview.ts";
import { readSetting } from "./setting.ts";

/** A server as it is typed, before anything is known of it. */
export interface TypedServer {
  host: string;
  user?: string;
  port?: string;
}

/** Null: this machine. */
export const serverQuestion: FlagQuestion<TypedServer | null> = {
  flag: "server",
  needsAnswer: true,
  text: "Server",
  default: "",
  shownDefault: "this machine",
  help:
    "Where the chat runs: user@host, user@host:port, or a Host of your ssh_config. Without a user " +
    "it is the one of your ssh_config, else root. The user is root, or has sudo without a password " +
    "and is in the group docker. Empty: the machine on which you type this, without SSH.",
  read: (answer) => (answer === "" ? null : parseServer(answer)),
};

const SERVER =
  /^(?:ssh:\/\/)?(?:(?<user>[^@]*)@)?(?:\[(?<address>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>.*))?$/;

/**
 * Reads `user@host:port`; an IPv6 address with a port stands in brackets.
 *
 * @throws UserError in the words of the settings
 */
export function parseServer(text: string): TypedServer {
  const at = text.lastIndexOf("@");
  const bare = text.slice(at + 1);
  const groups =
    isIP(bare) === 6
      ? { address: bare, ...(at === -1 ? {} : { user: text.slice(0, at) }) }
      : (SERVER.exec(text)?.groups ?? {});
  const { user, address, name, port } = groups as Record<string, string | undefined>;
  const server = {
    host: address ?? name ?? text,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
  };
  readSetting({ server });
  return server;
}

/** Asked where the server refused every key. */
export const identityQuestion: FlagQuestion<string> = {
  flag: "identityFile",
  needsAnswer: true,
  text: "Private key",
  default: "",
  shownDefault: "agent and ssh_config",
  help:
    "The file of the private key that opens the server, for example ~/.ssh/id_ed25519. Empty: your " +
    "SSH agent and ssh_config decide; load the key with ssh-add, then press Enter.",
  read(answer) {
    if (answer !== "") readSetting({ server: { host: "host", identityFile: answer } });
    return answer;
  },
};

export const listenQuestion: FlagQuestion<Settings["listen"]> = {
  flag: "listen",
  text: "Listen on",
  default: "127.0.0.1:8080",
  help:
    "Address and port of the server on which the chat answers; a port alone means 127.0.0.1. " +
    "Loopback is recommended: the first account to register becomes the owner, and so nobody but you " +
    "can be the first (through an SSH tunnel). It is also right for a reverse proxy on the same " +
    "server. 0.0.0.0 opens the port to everybody, without encryption; Docker's rules come before " +
    "those of ufw.",
  read: (answer) => readSetting({ listen: parseListen(answer) }).listen,
};

/** Reads `address:port`, an address, or a port; what is wrong with them the settings say. */
function parseListen(text: string): Record<string, string> {
  if (isIP(text) !== 0) return { address: text };
  if (/^\d+$/.test(text)) return { port: text };
  const [, address = text, port] = /^\[?(.*?)\]?:([^:]*)$/.exec(text) ?? [];
  return { address, ...(port === undefined ? {} : { port }) };
}

export const urlQuestion: FlagQuestion<string | undefined> = {
  flag: "url",
  text: "Public address",
  default: "",
  shownDefault: "none",
  help:
    "What people type to open the chat, for example https://chat.example.org. It need not answer " +
    "yet. Empty: links in the chat are made from the address that a visitor uses; it can be set " +
    "later with pulumi config set url.",
  read: (answer) => (answer === "" ? undefined : readSetting({ url: answer }).url),
};

export const registrationQuestion: FlagQuestion<string> = {
  flag: "registration",
  text: "Who may register",
  default: "invite_only",
  help:
    "invite_only: who has an invitation. open: everybody. closed: nobody. The first account can " +
    "always be registered, and becomes the owner. It can be changed later.",
  read: (answer) =>
    readSetting({ env: { REGISTRATION_MODE: answer } }).env.REGISTRATION_MODE ?? answer,
};

/** Any release is asked for like this; which are there is asked of the repository. */
export function releaseQuestion(newest: string | undefined): FlagQuestion<string> {
  return {
    flag: "release",
    text: "Release",
    ...(newest === undefined ? {} : { default: newest }),
    help: "A tag, a commit, or both as tag@commit. Later releases are a change of this one line.",
    read: (answer) => readSetting({ release: answer }).release,
  };
}

export const folderQuestion: FlagQuestion<string> = {
  flag: "folder",
  text: "Folder for the stack",
  default: "~/chatalot-stack",
  help:
    "A folder on this machine for the settings, Pulumi's state and the passphrase. It is made, and " +
    "only you can read it. It lies outside of the clone, so that updating the clone never touches it. " +
    "Back it up.",
  read(answer) {
    const path = homePath(answer);
    // The path becomes part of Pulumi's backend address, and of a file that a shell reads.
    if (!/^[^\p{C}?#%\\]+$/u.test(path) || answer === "~")
      throw new UserError(
        `expected the path of a folder of its own without ? # % or \\, got ${JSON.stringify(answer)}. Example: ~/chatalot-stack`,
      );
    return isAbsolute(path) ? resolve(path) : resolve(process.cwd(), path);
  },
};

/** @param isFree throws UserError where the folder has a stack of this name already */
export function stackQuestion(isFree: (name: string) => void): FlagQuestion<string> {
  return {
    flag: "stack",
    text: "Name of the stack",
    default: "chat",
    help:
      "Pulumi's name for this chat: its settings are in Pulumi.<name>.yaml. One folder can have " +
      "several, for example chat and test.",
    read(answer) {
      if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(answer))
        throw new UserError(
          `expected up to 100 letters, digits and - _ . , got ${JSON.stringify(answer.slice(0, 80))}. Example: chat`,
        );
      isFree(answer);
      return answer;
    },
  };
}

/** A question that is answered with yes or no. */
export function yesOrNo(text: string, help: string, proposal: "yes" | "no"): FlagQuestion<boolean> {
  return {
    ...{ text, help, default: proposal },
    read: (answer) => oneOf(answer.toLowerCase(), ["yes", "y", "no", "n"]).startsWith("y"),
  };
}

/** A question with a few words for answers, the first of which is the default. */
export function choice<const Word extends string>(
  text: string,
  help: string,
  words: readonly [Word, ...Word[]],
): FlagQuestion<Word> {
  return {
    ...{ text, help, default: words[0], needsAnswer: true },
    read: (answer) => oneOf(answer, words),
  };
}

function oneOf<const Word extends string>(answer: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === answer);
  if (found === undefined) throw new UserError(`expected one of: ${words.join(", ")}.`);
  return found;
}
