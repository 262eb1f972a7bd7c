/** The `runner` command: prints what an administrator runs on a server. */
import type { Command } from "commander";
import { ALLOWANCES } from "../../updater/runner/protocol.ts";
import { installScript, type RunnerOptions } from "./script.ts";

/** Adds `runner` to the command. */
export function registerRunner(program: Command): void {
  program
    .command("runner")
    .description(
      "prints the script that lets a user deploy with one rule of sudo and no other right; an " +
        "administrator runs it as root on the server",
    )
    .requiredOption("--user <name>", "the SSH user, as in server.user")
    .option("--directory <path>", "as in server.directory", "/srv/chatalot")
    .option("--project <name>", "as in project", "chatalot")
    .option("--machine <name>", "the server's processor: x86_64 or aarch64", "x86_64")
    .option("--allow <what...>", `what a chat of its own does not need: ${ALLOWANCES.join(", ")}`)
    .action(async (options: RunnerOptions) => {
      const script = await installScript(options, (text) => console.error(text));
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(script, (error) => (error ? reject(error) : resolve()));
      });
    });
}
