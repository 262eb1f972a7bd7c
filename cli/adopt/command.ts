/** `npx chatalot adopt` and `npx chatalot forget`. */
import type { Command } from "commander";
import { setExitCode } from "../exit-codes.ts";
import { terminalContext } from "../terminal.ts";
import { adopt, type AdoptOptions } from "./adopt.ts";
import { forget } from "./forget.ts";

export function registerAdopt(program: Command): void {
  program
    .command("adopt")
    .description("takes over a chat that something else deployed, without a restart")
    .option(
      "--release <release>",
      "what was deployed: a tag or a commit; default: what is checked out",
    )
    .option("--yes", "does it without asking")
    .action(async (options: AdoptOptions) => {
      const { stack } = program.opts<{ stack?: string }>();
      setExitCode(await adopt(stack, options, terminalContext()));
    });
  program
    .command("forget")
    .description("lets a server go on without this tool; nothing is stopped or deleted")
    .option("--yes", "does it without asking")
    .action(async (options: { yes?: boolean }) => {
      const { stack } = program.opts<{ stack?: string }>();
      setExitCode(await forget(stack, options, terminalContext()));
    });
}
