/** Single settings, checked by the rules and in the words of the stack's configuration. */
import { UserError } from "../../common/errors.ts";
import { parseSettings, type Settings } from "../../settings/parse.ts";
import { ConfigurationError, describeCause } from "../../settings/problems.ts";

/** Every configuration has to have a release; this one stands for it where another key is checked. */
const ANY_RELEASE = "v1.0.0";

/**
 * The settings that a part of a configuration makes, with the defaults of the rest.
 *
 * @throws UserError with everything that is wrong, without the keys where there is one problem only
 */
export function readSetting(part: Record<string, unknown>): Settings {
  try {
    return parseSettings({ release: ANY_RELEASE, ...part });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const { problems } = error;
    if (problems.length === 1) throw new UserError(problems.map(describeCause).join());
    throw new UserError(
      problems.map((problem) => `${problem.key}: ${describeCause(problem)}`).join("\n"),
    );
  }
}
