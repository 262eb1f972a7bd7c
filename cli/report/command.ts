/** `npx chatalot report`: the plan of an update as a page to show others before the evening. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../common/errors.ts";
import { writeFileDurably } from "../../updater/files.ts";
import { setExitCode } from "../exit-codes.ts";
import { GENERATOR, reportPage } from "./page.ts";
import { readReport } from "./report.ts";

/** Where it is written unless something else is said. */
const DEFAULT_FILE = "chatalot-update.html";

export function registerReport(program: Command): void {
  program
    .command("report")
    .description("writes what an update would do as an HTML page to show others; changes nothing")
    .argument("[release]", "a tag or a commit; default: the one in the stack's configuration")
    .option("-o, --output <file>", "where to", DEFAULT_FILE)
    .action(async (wanted: string | undefined, { output }: { output: string }) => {
      const { stack } = program.opts<{ stack?: string }>();
      const report = await readReport(stack, wanted, new Date());
      if (report === undefined) {
        console.log("That release serves already: there is nothing to report on.");
        setExitCode("nothing-to-do");
        return;
      }
      console.log(await writeReport(output, reportPage(report)));
    });
}

/**
 * Writes the page as a whole, over an earlier one.
 *
 * @returns its path
 * @throws UserError where something else has that name
 */
export async function writeReport(output: string, page: string): Promise<string> {
  const file = resolve(output);
  const found = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new UserError(
      `The report can't be written to ${file}: ${error.message}. Name another file with --output.`,
      { cause: error },
    );
  });
  if (found !== undefined && !found.includes(GENERATOR))
    throw new UserError(
      `The report can't be written to ${file}: there is a file that is none of ours. Name another one with ` +
        "--output, or move that one away.",
    );
  // To be shown to others: no secret is in it.
  await writeFileDurably(file, page, 0o644);
  return file;
}
