/**
 * The `chatalot` command. Exit codes: 0 done, 1 failed or its end is not known yet, 2 wrong usage, 3 nothing
 * to do or declined, 4 needs the operator, 130 ended by ^C.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { checkout } from "../common/checkout.ts";
import { plainText } from "../common/text.ts";
import { RemoteServer } from "../provider/server/remote-server.ts";
import { abort } from "./abort.ts";
import { registerAdopt } from "./adopt/command.ts";
import { registerAlerts } from "./alerts/command.ts";
import { registerBackup } from "./backup/command.ts";
import { resolvePathsOfCaller } from "./caller-folder.ts";
import { describeDiagnosis, diagnose } from "./doctor.ts";
import { endOfError, setExitCode } from "./exit-codes.ts";
import { describeHistory, readHistory } from "./history.ts";
import { type LogOptions, logs } from "./logs.ts";
import { registerInit } from "./init/command.ts";
import { registerMove } from "./move/command.ts";
import { registerReport } from "./report/command.ts";
import { describeStatus, readStatus } from "./status.ts";
import { registerRunner } from "./runner/command.ts";
import { registerRestore } from "./restore/command.ts";
import { prepare } from "./prepare.ts";
import { resolve, type ResolveOptions } from "./resolve.ts";
import { rollback, type RollbackOptions } from "./rollback.ts";
import { show, terminalContext } from "./terminal.ts";
import { registerUpdates } from "./updates/command.ts";
import { registerUpgradeDatabase } from "./upgrade-database/command.ts";

const program = new Command("chatalot")
  .description("Works on the server of a chatalot-deploy stack, beside pulumi.")
  .version(ownVersion(), "-V, --version", "the version of this checkout")
  .option("-s, --stack <name>", "the stack; default: the one that pulumi has selected")
  .exitOverride();

resolvePathsOfCaller(program);

program
  .command("abort")
  .description("stops the job that is under way, if it has not begun to swap the server")
  .action(async () => {
    const { stack } = program.opts<{ stack?: string }>();
    const { text, aborted } = await abort(stack);
    show(text);
    if (!aborted) setExitCode("nothing-to-do");
  });

registerAdopt(program);
registerAlerts(program);
registerBackup(program);
registerInit(program);
registerMove(program);
registerReport(program);
registerRestore(program);
registerRunner(program);
program
  .command("status")
  .description("shows what serves, whether it is as committed, and what was done last")
  .option("--json", "as JSON")
  .option("--check", "one line; exit code 0 as committed and healthy, 1 not so, 4 it needs you")
  .action(async (options: { json?: boolean; check?: boolean }) => {
    const { stack } = program.opts<{ stack?: string }>();
    const status = await readStatus(stack, options.check !== true);
    if (options.json === true) console.log(JSON.stringify(status, null, 2));
    else show(options.check === true ? status.reason : describeStatus(status));
    if (options.check === true) process.exitCode = status.code;
  });

program
  .command("doctor")
  .description("lists what pulumi up would refuse, now; exit code 1 where it is anything")
  .action(async () => {
    const { stack } = program.opts<{ stack?: string }>();
    const diagnosis = await diagnose(stack);
    show(describeDiagnosis(diagnosis));
    if (diagnosis.refusals.length > 0) setExitCode("failed");
  });

program
  .command("logs")
  .description("shows what a service says, or with --job what a job told")
  .argument("[service]", "a service of the compose file; default: chatalot")
  .option("-n, --lines <number>", "how many of the last lines; default: 100")
  .option("--since <time>", "only what came since then: 10m, 2h, 2026-01-31T20:00:00Z")
  .option("-f, --follow", "goes on until ^C")
  .option("--job [number]", "the progress of a job; without a number, of the newest")
  .action(async (service: string | undefined, options: LogOptions) => {
    const { stack } = program.opts<{ stack?: string }>();
    const ending = new AbortController();
    process.once("SIGINT", () => ending.abort());
    await logs(stack, service, options, show, ending.signal);
  });

program
  .command("history")
  .description("lists the stack's updates, newest first, and which of them can be gone back to")
  .option("--json", "as JSON")
  .action(async (options: { json?: boolean }) => {
    const { stack } = program.opts<{ stack?: string }>();
    const history = await readHistory(stack, (text) => console.error(text));
    show(
      options.json === true ? JSON.stringify(history.entries, null, 2) : describeHistory(history),
    );
  });

program
  .command("prepare")
  .description("sends and builds a release while the old one serves; pulumi up then only swaps")
  .argument("[release]", "a tag or a commit; default: the one in the stack's configuration")
  .action(async (wanted?: string) => {
    const { stack } = program.opts<{ stack?: string }>();
    if (!(await prepare(stack, wanted, terminalContext()))) setExitCode("nothing-to-do");
  });

program
  .command("resolve")
  .description("shows what needs you after an update could not go back, and the ways out")
  .option("--take-back", "tries the way back once more")
  .option("--clear", "lets jobs begin again, as things are")
  .option("--yes", "does it without asking")
  .action(async (options: ResolveOptions) => {
    const { stack } = program.opts<{ stack?: string }>();
    setExitCode(await resolve(stack, options, terminalContext()));
  });

program
  .command("rollback")
  .description("goes back to an earlier update: its release, env and profiles; asks before it does")
  .option("--to <update>", "a job of the history, a tag or a commit; default: the release before")
  .option(
    "--database <way>",
    "what the database becomes where migrations lie between: refuse, revert-point, backup, undo-scripts",
    "refuse",
  )
  .option("--scripts <folder>", "the SQL for --database undo-scripts, one file for each migration")
  .option("--with-secrets", "puts secretEnv back, too")
  .option("--preview", "shows what would be done, and changes nothing")
  .option("--yes", "asks nothing; what the preview refuses is not done")
  .action(async (options: RollbackOptions) => {
    const { stack } = program.opts<{ stack?: string }>();
    setExitCode(await rollback(stack, options, terminalContext()));
  });

registerUpdates(program);
registerUpgradeDatabase(program);

async function main(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    const { code, text } = endOfError(error);
    if (text !== "") console.error(plainText(text));
    process.exitCode = code;
  } finally {
    await RemoteServer.closeAll();
  }
}

function ownVersion(): string {
  const file = join(checkout, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

void main();
