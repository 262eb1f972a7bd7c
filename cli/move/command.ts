/** `npx chatalot move`. */
import type { Command } from "commander";
import { setExitCode } from "../exit-codes.ts";
import { terminalContext } from "../terminal.ts";
import { move, type MoveOptions } from "./move.ts";

export function registerMove(program: Command): void {
  program
    .command("move")
    .description("brings the chat to another server, with all that it has; asks before it does")
    .argument("<user@host:port>", "the new server, with nothing of Chatalot on it")
    .option("--host-key <key>", "its public key, as its own console prints it")
    .option("--identity-file <path>", "the private key that opens it; default: the same as now")
    .option("--jump-host <user@host:port>", "a server to go through")
    .option("--folder <path>", "of this machine, for the backup that moves", ".")
    .option("--yes", "does it without asking")
    .action(async (to: string, options: MoveOptions) => {
      const { stack } = program.opts<{ stack?: string }>();
      setExitCode(await move(stack, to, options, terminalContext()));
    });
}
