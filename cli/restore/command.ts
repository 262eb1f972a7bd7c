/** `npx chatalot restore`. */
import type { Command } from "commander";
import { terminalContext } from "../terminal.ts";
import { restore, type RestoreOptions } from "./restore.ts";

const NOTHING_TO_DO = 3;

export function registerRestore(program: Command): void {
  program
    .command("restore")
    .description(
      "makes a backup what serves: its release, database and uploads; asks before it does",
    )
    .argument("[backup]", "a backup on the server, as backup list names it")
    .option("--from <folder>", "a backup on this machine, brought to the server first")
    .option("--yes", "does it without asking, and without a preview")
    .action(async (backup: string | undefined, options: RestoreOptions) => {
      const { stack } = program.opts<{ stack?: string }>();
      const result = await restore(stack, backup, options, terminalContext());
      if (result === "declined") process.exitCode = NOTHING_TO_DO;
      if (result === "failed" || result === "under-way") process.exitCode = 1;
    });
}
