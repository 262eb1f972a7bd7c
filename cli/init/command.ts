/** The `init` command on the command line: flags, terminal, exit codes. */
import type { Command } from "commander";
import { CanceledError, endOfError, type Result, setExitCode } from "../exit-codes.ts";
import { Dialog, wrap } from "./dialog.ts";
import type { Flags } from "./flags.ts";
import { StackExistsError } from "./folder.ts";
import { askOtherStack, interviewOperator, write } from "./init.ts";

/** Adds `init` to the command. */
export function registerInit(program: Command): void {
  const command: Command = program
    .command("init")
    .description("asks for a chat's settings, checks the server over SSH, and writes the stack")
    .option("--server <user@host:port>", "the server, or a Host of your ssh_config")
    .option("--this-machine", "deploy on this machine, without SSH")
    .option("--host-key <key>", "the server's public key, as its own console prints it")
    .option("--identity-file <path>", "the private key that opens the server")
    .option("--jump-host <user@host:port>", "a server to go through")
    .option("--through-runner", "the user has nothing but the runner (npx chatalot runner)")
    .option("--directory <path>", "the folder on the server (default: /srv/chatalot)")
    .option("--prepare-server", "let pulumi up install Docker where it is missing")
    .option("--no-prepare-server", "refuse a server without Docker")
    .option("--repository <address>", "the git repository with the releases")
    .option("--release <release>", "a tag, a commit, or tag@commit (default: the newest version)")
    .option("--url <address>", "the public address; empty: none")
    .option("--listen <address:port>", "where the chat listens (default: 127.0.0.1:8080)")
    .option("--registration <mode>", "invite_only, open or closed (default: invite_only)")
    .option("--folder <path>", "for settings, state, passphrase (default: ~/chatalot-stack)")
    .option("--no-check", "don't connect to the server; needs --host-key")
    .option("-y, --yes", "take the defaults; never an unconfirmed host key")
    .addHelpText(
      "after",
      "\nThe stack's name is --stack (default: chat). Without a terminal, every question needs its\n" +
        "flag, or --yes.",
    )
    .action(async () => {
      try {
        setExitCode(await run(command.optsWithGlobals<Flags>()));
      } catch (error) {
        if (!(error instanceof CanceledError)) throw error;
        console.error("\nEnded. Nothing was written.");
        // Connections that are being made end with this process.
        process.exit(endOfError(error).code);
      }
    });
}

async function run(flags: Flags): Promise<Result> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  let plan = isTerminal
    ? await inTerminal((dialog) => interviewOperator(flags, dialog))
    : await interviewOperator(flags, undefined);
  while (plan !== undefined) {
    const wanted = plan;
    try {
      console.log(wrap(await uninterrupted(() => write(wanted))));
      return "done";
    } catch (error) {
      if (!(error instanceof StackExistsError) || !isTerminal) throw error;
      plan = await inTerminal((dialog) => askOtherStack(wanted, dialog, error.message));
    }
  }
  console.log("Nothing was written.");
  return "declined";
}

async function inTerminal<Value>(ask: (dialog: Dialog) => Promise<Value>): Promise<Value> {
  const dialog = new Dialog(process.stdin, process.stdout, true);
  try {
    return await Promise.race([ask(dialog), dialog.canceled]);
  } finally {
    dialog.close();
  }
}

/** ^C waits for the few seconds that the writing takes, so that nothing is left half-written. */
async function uninterrupted<Value>(work: () => Promise<Value>): Promise<Value> {
  const wait = (): void => console.error("A moment: the stack is being written.");
  process.on("SIGINT", wait);
  try {
    return await work();
  } finally {
    process.off("SIGINT", wait);
  }
}
