import { parseArgs } from "node:util";
import { messageOf, UserError } from "../common/errors.ts";

/** What the command line of the bench says. */
export interface BenchOptions {
  /** The scenarios to run, in the bench's order. */
  only: readonly string[];
  /** Repetitions of each; undefined: as many as the scenario takes by itself. */
  runs?: number;
  /** Whether a missed bound is a failure. */
  check: boolean;
}

const MOST_RUNS = 100;

/**
 * Reads `--only noop,swap --runs 3 --check`.
 *
 * @param known the names of all scenarios
 * @throws UserError for an unknown option, scenario, or number
 */
export function parseOptions(argv: readonly string[], known: readonly string[]): BenchOptions {
  const values = parse(argv);
  const names = values.only?.split(",").map((name) => name.trim()) ?? known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new UserError(
      `--only can't be used: there is no scenario "${unknown.join('", "')}". ` +
        `There are: ${known.join(", ")}.`,
    );
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  if (runs !== undefined && !(Number.isInteger(runs) && runs >= 1 && runs <= MOST_RUNS))
    throw new UserError(
      `--runs can't be used: "${values.runs}" is no whole number from 1 to ${MOST_RUNS}. ` +
        "Write --runs 3, for example.",
    );
  return {
    only: known.filter((name) => names.includes(name)),
    ...(runs === undefined ? {} : { runs }),
    check: values.check ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        only: { type: "string" },
        runs: { type: "string" },
        check: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UserError(
      `The bench can't be started: ${messageOf(error)}. ` +
        "Use npm run bench -- [--only SCENARIO,...] [--runs NUMBER] [--check].",
    );
  }
}
