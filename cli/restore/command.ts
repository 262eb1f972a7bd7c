/** `npx chatalot restore`. */
import type { Command } from "commander";
import { setExitCode } from "../exit-codes.ts";
import { terminalContext } from "../terminal.ts";
import { restore, type RestoreOptions } from "./restore.ts";

export function registerRestore(program: Command): void {
  program
    .command("restore")
    .description(
      "makes a backup what serves: its release, database and uploads; asks before it does",
    )
    .argument("[backup]", "a backup on the server, as backup list names it")
    .option("--from <folder>", "a backup on this machine, brought to the server first")
    .option("--yes", "asks nothing; what the preview refuses is not done")
    .action(async (backup: string | undefined, options: RestoreOptions) => {
      const { stack } = program.opts<{ stack?: string }>();
      setExitCode(await restore(stack, backup, options, terminalContext()));
    });
}
