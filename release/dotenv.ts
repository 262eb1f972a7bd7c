import { UserError } from "../common/errors.ts";

const NAME = /^[A-Z_][A-Z0-9_]*$/;

/** Values that mean the same without quotes to Compose, to a shell and to people. */
const BARE = /^[A-Za-z0-9_./:@%+,=-]*$/;

/** A line break would begin another variable; a NUL can't be in an environment at all. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/\n/, "a line break"],
  [/\r/, "a carriage return"],
  [/\0/, "a NUL"],
  [/\p{Surrogate}/u, "half of a character"],
];

/**
 * The text of a `.env` file from which Docker Compose reads exactly these values: `$`, quotes,
 * backslashes, `#` and spaces at the ends stay what they are. One line for each, sorted by name.
 * Measured with compose-go 2.0, 2.4 and 2.16. Older ones (Compose before 2.24) misread values that
 * have a backslash, or both kinds of quotes.
 *
 * @throws UserError naming every variable that can't be written; a value is never shown
 */
export function encodeDotenv(variables: Readonly<Record<string, string>>): string {
  const entries = Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1));
  const problems = entries.flatMap(([name, value]) => problemsOf(name, value));
  if (problems.length > 0) {
    throw new UserError(
      `The server's .env can't be written: ${problems.join("; ")}. ` +
        'Change or remove these under "env" and "secretEnv".',
    );
  }
  return entries.map(([name, value]) => `${name}=${encode(value)}\n`).join("");
}

function problemsOf(name: string, value: string): string[] {
  if (!NAME.test(name)) {
    return [`${JSON.stringify(name)} isn't a name of capital letters, digits and underscores`];
  }
  return FORBIDDEN.flatMap(([pattern, what]) =>
    pattern.test(value) ? [`the value of ${name} has ${what}`] : [],
  );
}

function encode(value: string): string {
  if (BARE.test(value)) return value;
  // Between single quotes nothing is special but a quote, and a backslash before one.
  if (!/['\\]/.test(value)) return `'${value}'`;
  return `"${value.replace(/["$\\]/g, "\\$&")}"`;
}
