import { UserError } from "../common/errors.ts";
import { withoutControls } from "../common/text.ts";

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** The key as it is given to `pulumi config set --path`: `server.port`. */
  key: string;
  /** `expected …`, or what else is wrong, without a full stop. */
  cause: string;
  /** The value; absent: it isn't shown, because it may be a secret. */
  got?: { value: unknown };
  /** A right value or command. */
  example?: string;
}

/** Everything that is wrong with a configuration. */
export class ConfigurationError extends UserError {
  constructor(
    message: string,
    readonly problems: readonly Problem[],
  ) {
    super(message);
  }
}

/** Of a problem's line, whose example may have a name that somebody made up. */
const LONGEST_LINE = 1_000;

/** All problems in one error, one line for each, in the order of their keys. */
export function configurationError(
  problems: readonly Problem[],
  namespace: string,
): ConfigurationError {
  const lines = problems.map((problem) =>
    withoutControls(`  ${namespace}:${describe(problem)}`).slice(0, LONGEST_LINE),
  );
  const unique = [...new Set(lines)].sort();
  return new ConfigurationError(
    `The stack's configuration can't be used: ${unique.length === 1 ? "one value is" : `${unique.length} values are`} wrong:\n` +
      `${unique.join("\n")}\n` +
      "Set them with `pulumi config set --path <key> <value>`. Nothing was changed.",
    problems,
  );
}

function describe(problem: Problem): string {
  return `${printable(problem.key)}: ${describeCause(problem)}`;
}

/** A problem without its key, for a place where one is asked for. */
export function describeCause({ cause, got, example }: Omit<Problem, "key">): string {
  const value = got === undefined ? "" : `, got ${show(got.value)}`;
  return `${cause}${value}.${example === undefined ? "" : ` Example: ${example}`}`;
}

/** `"a", "b" or "c"`. */
export function alternatives(values: readonly string[]): string {
  const quoted = values.map((value) => `"${value}"`);
  const [last = "", ...others] = quoted.toReversed();
  return others.length === 0 ? last : `${others.toReversed().join(", ")} or ${last}`;
}

/** A value on one line: short, quoted, and with nothing that could steer a terminal. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return printable(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function printable(text: string): string {
  return withoutControls(text).slice(0, 200);
}
