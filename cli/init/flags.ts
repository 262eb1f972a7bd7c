/** The flags of `chatalot init`: an answer to every question. */
import { UsageError } from "../exit-codes.ts";

/** As commander reads them. */
export interface Flags {
  server?: string;
  /** Deploy on this machine, without SSH. */
  thisMachine?: boolean;
  hostKey?: string;
  identityFile?: string;
  jumpHost?: string;
  /** Through the runner, where an administrator has installed it. */
  throughRunner?: boolean;
  directory?: string;
  prepareServer?: boolean;
  repository?: string;
  release?: string;
  url?: string;
  listen?: string;
  registration?: string;
  folder?: string;
  stack?: string;
  /** False: the server is not connected to. */
  check: boolean;
  /** Take the default of every question that has one. */
  yes?: boolean;
}

/** The flags whose value is an answer. */
export type AnswerFlag = Exclude<
  keyof Flags,
  "thisMachine" | "throughRunner" | "prepareServer" | "check" | "yes"
>;

/** Questions with a default, which `--yes` answers. */
const WITH_DEFAULT = {
  listen: "<address:port>",
  release: "<tag or commit>",
  url: "<address>",
  registration: "<mode>",
  folder: "<path>",
  stack: "<name>",
} as const;

/** Flags of a server that is reached over SSH. */
const WAYS_TO_A_SERVER = ["server", "hostKey", "identityFile", "jumpHost"] as const;

/**
 * Makes sure that nothing has to be asked.
 *
 * @throws UsageError naming all flags that are missing
 */
export function requireAllAnswers(flags: Flags): void {
  const missing: string[] = [];
  if (flags.server === undefined && flags.thisMachine !== true)
    missing.push("--server <user@host:port> (or --this-machine)");
  const isRemote = flags.thisMachine !== true;
  // Where the server is asked, known_hosts may have its key.
  if (isRemote && !flags.check && flags.hostKey === undefined)
    missing.push("--host-key <public key>");
  if (flags.yes !== true)
    for (const [flag, value] of Object.entries(WITH_DEFAULT))
      if (flags[flag as keyof typeof WITH_DEFAULT] === undefined)
        missing.push(`--${flag} ${value}`);
  if (missing.length === 0) return;
  const count = missing.length === 1 ? "a flag is" : `${missing.length} flags are`;
  const hostKey =
    isRemote && flags.check && flags.hostKey === undefined
      ? "\n  --host-key <public key>, unless your known_hosts has the server's key"
      : "";
  throw new UsageError(
    `Without a terminal nothing can be asked: ${count} missing:\n` +
      missing.map((flag) => `  ${flag}`).join("\n") +
      hostKey +
      "\nGive them, or --yes for the defaults of those that have one. Nothing was written.",
  );
}

/** What can't be meant together: one of the two would be ignored. */
export function contradictions(flags: Flags): string[] {
  const { thisMachine = false, throughRunner = false, prepareServer = false } = flags;
  const wrong: string[] = [];
  if (thisMachine) {
    const given = WAYS_TO_A_SERVER.filter((flag) => flags[flag] !== undefined).map(flagName);
    if (throughRunner) given.push("--through-runner");
    for (const name of given) wrong.push(`${name} and --this-machine exclude each other.`);
  }
  if (throughRunner && prepareServer)
    wrong.push(
      "--prepare-server and --through-runner exclude each other: the runner installs nothing.",
    );
  return wrong;
}

/** `hostKey` as it is typed: `--host-key`. */
export function flagName(flag: AnswerFlag): string {
  return `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
