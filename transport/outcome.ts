import { runnerRule } from "../common/runner-rule.ts";
import { counted, plainText } from "../common/text.ts";
import { MOST_OUTPUT, type Outcome } from "./process.ts";
import { TransportError, type RunOptions, type RunResult } from "./transport.ts";

/** What an error text names: never the command itself, which may carry what must not be shown. */
export interface CommandContext {
  label: string;
  target: string;
  options: RunOptions;
  /** Set where the command runs through sudo: the name of the user who calls it. */
  sudoUser?: string;
  /** Whether all that the user may run by it is the runner. */
  isRunner?: boolean;
}

/** How many lines and characters of standard error an error text carries. */
const TAIL = { lines: 10, characters: 2_000 };

/** SSH's own exit code; also what it reports for a command that was killed by a signal. */
const SSH_FAILED = 255;

/**
 * The result of a command that ended as it should.
 *
 * @throws TransportError for every other end
 */
export function resultOf(outcome: Outcome, context: CommandContext): RunResult {
  const { label, target, options, sudoUser, isRunner = false } = context;
  const { stdout, stderr } = outcome;
  const fail = (
    failure: TransportError["failure"],
    text: string,
    exitCode?: number,
  ): TransportError =>
    new TransportError(`${label} on ${target}: ${text}`, failure, {
      stdout,
      stderr,
      ...(exitCode === undefined ? {} : { exitCode }),
    });

  switch (outcome.kind) {
    case "timeout":
      throw fail("timeout", `timed out after ${describeTimeout(options.timeout)}`);
    case "canceled":
      throw fail("canceled", "canceled");
    case "too-much-output":
      throw fail("output", `wrote more than ${MOST_OUTPUT / 1024 / 1024} MiB and was ended`);
    case "not-started":
      throw fail("exit-code", `could not be started: ${outcome.cause}`, 127);
    case "killed":
      throw fail("exit-code", `killed by ${outcome.by}${tailOf(stderr)}`);
    case "exited": {
      const { exitCode } = outcome;
      if ((options.acceptedExitCodes ?? [0]).includes(exitCode))
        return { exitCode, stdout, stderr };
      const sudo =
        sudoUser === undefined ? undefined : describeSudoFailure(stderr, sudoUser, isRunner);
      if (sudo !== undefined) throw fail("sudo", sudo, exitCode);
      const how =
        exitCode === SSH_FAILED
          ? "exited with code 255 or was killed"
          : `exited with code ${exitCode}`;
      throw fail("exit-code", `${how}${tailOf(stderr)}`, exitCode);
    }
  }
}

/**
 * What to do where sudo itself refused, or undefined where this isn't what sudo says.
 *
 * @param text standard error of a command below `sudo -n`
 * @param isRunner whether all that the user may run by it is the runner
 */
export function describeSudoFailure(
  text: string,
  user: string,
  isRunner = false,
): string | undefined {
  const line = plainText(text).trim().split("\n")[0] ?? "";
  const advice = isRunner ? runnerAdvice(user) : sudoersAdvice(user);
  if (/^sudo: (?:a password is required|a terminal is required)/.test(line)) {
    return `sudo asks for a password. ${advice}`;
  }
  if (/^sudo: sorry, you must have a tty/.test(line)) {
    return `sudo asks for a terminal. ${lineAdvice(`Defaults:${user} !requiretty`)}`;
  }
  if (/is not in the sudoers file|^sudo: .*not allowed|^Sorry, user /.test(line)) {
    return `sudo refuses ${user}. ${advice}`;
  }
  if (isRunner && /^sudo: .*command not found/.test(line))
    return `the runner is not installed. ${runnerAdvice(user)}`;
  if (/sudo: (?:command )?not found/.test(line)) {
    return `sudo is not installed. Install it there, or log in as root.`;
  }
  return undefined;
}

function sudoersAdvice(user: string): string {
  return (
    `${lineAdvice(`${user} ALL=(root) NOPASSWD: ALL`)}. Or let it have one program alone: "server.access" runner, ` +
    "see docs/security.md"
  );
}

function runnerAdvice(user: string): string {
  return (
    `It needs this one rule, which the script of "npx chatalot runner --user ${user}" writes when an ` +
    `administrator runs it there: ${runnerRule(user)}`
  );
}

function lineAdvice(line: string): string {
  return `Add this line there with "visudo -f /etc/sudoers.d/chatalot-deploy": ${line}`;
}

/** The last lines of a text, led by ": ", or nothing. */
export function tailOf(text: string): string {
  const lines = plainText(text).trim().split("\n").slice(-TAIL.lines);
  const tail = lines.join("\n").slice(-TAIL.characters).trim();
  return tail === "" ? "" : `: ${tail}`;
}

function describeTimeout(milliseconds: number): string {
  const [amount, unit] =
    milliseconds % 1_000 === 0 ? [milliseconds / 1_000, "second"] : [milliseconds, "millisecond"];
  return counted(amount, unit);
}
