/** The `backup` commands on the command line: arguments and exit codes. */
import type { Command } from "commander";
import { setExitCode, UsageError } from "../exit-codes.ts";
import { show, terminalContext } from "../terminal.ts";
import { copyNow } from "./copy.ts";
import { decryptCopy, type DecryptOptions } from "./decrypt.ts";
import { fetchBackup } from "./fetch.ts";
import { checkBackups, takeBackup } from "./jobs.ts";
import { backupEntries, describeBackups, readStackBackups } from "./list.ts";
import { removeBackup } from "./remove.ts";

/** Adds `backup` with its commands to the command. */
export function registerBackup(program: Command): void {
  const stackOf = (): string | undefined => program.opts<{ stack?: string }>().stack;
  const backup = program
    .command("backup")
    .description("lists, takes, checks, removes and fetches backups of the database");

  backup
    .command("list")
    .description("lists the backups on the server, newest first, and when each was proven")
    .option("--json", "as JSON")
    .action(async (options: { json?: boolean }) => {
      const found = await readStackBackups(stackOf(), (text) => console.error(text));
      show(
        options.json === true
          ? JSON.stringify(backupEntries(found.backups), null, 2)
          : describeBackups(found),
      );
    });

  backup
    .command("take")
    .description("takes a backup now and proves it by a restore, while the chat serves")
    .action(async () => takeBackup(stackOf(), terminalContext()));

  backup
    .command("check")
    .description("restores a backup beside the chat and compares; exit code 1 if it is not good")
    .argument("[name]", "the backup, as list names it")
    .option("--all", "all backups")
    .action(async (name: string | undefined, { all }: { all?: boolean }) => {
      if ((name !== undefined) === (all === true))
        throw new UsageError("What to check is not known: give the name of a backup, or --all.");
      await checkBackups(stackOf(), name, terminalContext());
    });

  backup
    .command("remove")
    .description("removes a backup from the server; asks before it does, and never the last proven")
    .argument("<name>", "the backup, as list names it")
    .option("--yes", "does it without asking")
    .action(async (name: string, options: { yes?: boolean }) => {
      if (!(await removeBackup(stackOf(), name, options, terminalContext())))
        setExitCode("declined");
    });

  backup
    .command("copy")
    .description("copies what is not there yet to backup.copyTo, now and not by the clock")
    .action(async () => copyNow(stackOf(), terminalContext()));

  backup
    .command("decrypt")
    .description("opens an encrypted copy on this machine; the result is as fetch brings it")
    .argument("<folder>", "the copy's folder")
    .requiredOption("--identity <file>", "a file with a private key, as age-keygen writes it")
    .option("--to <folder>", "the folder to put it into", ".")
    .action(async (folder: string, options: DecryptOptions) => {
      await decryptCopy(folder, options, terminalContext());
    });

  backup
    .command("fetch")
    .description("brings a backup to this machine and compares it with what was written")
    .argument("<name>", "the backup, as list names it")
    .option("--to <folder>", "the folder to put it into", ".")
    .action(async (name: string, options: { to?: string }) => {
      await fetchBackup(stackOf(), name, options, terminalContext());
    });
}
