/** The command `upgrade-database`. */
import type { Command } from "commander";
import { terminalContext } from "../terminal.ts";
import { upgradeDatabase, type UpgradeOptions } from "./upgrade.ts";

const NOTHING_TO_DO = 3;

export function registerUpgradeDatabase(program: Command): void {
  program
    .command("upgrade-database")
    .description(
      "brings the database to a newer major version of PostgreSQL, in a new volume; the old one is kept",
    )
    .option("--to <image>", "such as postgres:18; default: the version after the present one")
    .option("--retry", "tries an upgrade once more that was taken back")
    .option("--yes", "asks nothing; what the preview refuses is not done")
    .action(async (options: UpgradeOptions) => {
      const { stack } = program.opts<{ stack?: string }>();
      const result = await upgradeDatabase(stack, options, terminalContext());
      if (result === "nothing-to-do" || result === "declined") process.exitCode = NOTHING_TO_DO;
      if (result === "failed" || result === "under-way") process.exitCode = 1;
    });
}
