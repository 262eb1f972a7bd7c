/** The command `upgrade-database`. */
import type { Command } from "commander";
import { setExitCode } from "../exit-codes.ts";
import { terminalContext } from "../terminal.ts";
import { upgradeDatabase, type UpgradeOptions } from "./upgrade.ts";

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
      setExitCode(await upgradeDatabase(stack, options, terminalContext()));
    });
}
