import { execa, ExecaError } from "execa";
import { UserError } from "../../common/errors.ts";

const TIMEOUT = 120_000;

/** A command of pulumi that failed, with what it said. */
export class PulumiError extends UserError {
  constructor(
    message: string,
    /** Pulumi's own words, on one line. */
    readonly said: string,
  ) {
    super(message);
  }
}

/**
 * Runs the pulumi command and gives its standard output.
 *
 * @param what it does, for the error text: "make the stack"
 * @throws PulumiError
 */
export async function pulumi(
  what: string,
  argv: readonly string[],
  options: { folder?: string; environment?: Record<string, string>; input?: string },
): Promise<string> {
  try {
    const { stdout } = await execa("pulumi", argv, {
      ...(options.folder === undefined ? {} : { cwd: options.folder }),
      env: { PULUMI_SKIP_UPDATE_CHECK: "true", ...options.environment },
      input: options.input ?? "",
      timeout: TIMEOUT,
      // A ^C in the terminal must not end it half-way.
      detached: true,
    });
    return stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === "ENOENT")
      throw new PulumiError(
        "The Pulumi CLI can't be found: there is no pulumi on the PATH. Install it: " +
          "https://www.pulumi.com/docs/install/",
        "",
      );
    const said = String(error.stderr ?? "")
      .replace(/^error: /, "")
      .trim()
      .replaceAll(/\s+/g, " ");
    const cause = error.timedOut ? "no end after two minutes" : said || error.shortMessage;
    throw new PulumiError(`Pulumi could not ${what}: ${cause}. Nothing was written.`, said);
  }
}

/** The flag for a stack; none for the one that pulumi has selected. */
export function stackFlag(stack: string | undefined): string[] {
  return stack === undefined ? [] : ["--stack", stack];
}
