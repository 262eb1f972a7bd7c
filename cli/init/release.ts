/** The release: chosen from what the repository has. */
import { UserError } from "../../common/errors.ts";
import { type Mirror, openMirror } from "../../release/mirror.ts";
import { resolveReference } from "../../release/resolve.ts";
import { listTags } from "../../release/tags.ts";
import type { Interview } from "./interview.ts";
import { releaseQuestion } from "./questions.ts";

/** How many of the newest tags are shown. */
const SHOWN = 5;

/** Asks until there is a release that the repository has. */
export async function askRelease(interview: Interview, repository: string): Promise<string> {
  const { mirror, newest } = await readReleases(interview, repository);
  for (;;) {
    const release = await interview.answer(releaseQuestion(newest));
    if (mirror === undefined) return release;
    try {
      const { commit, warnings } = await resolveReference(mirror, release);
      for (const warning of warnings) interview.say(warning);
      interview.say(`Release ${release} is commit ${commit.slice(0, 12)}.`);
      return release;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      interview.failed(error.message, "release");
    }
  }
}

async function readReleases(
  interview: Interview,
  repository: string,
): Promise<{ mirror?: Mirror; newest?: string }> {
  interview.say(`Reading the releases of ${repository} ...`);
  try {
    const mirror = await openMirror(repository);
    const tags = await listTags(mirror);
    const versions = tags.filter(({ isPreview }) => !isPreview);
    const newest = versions[0]?.tag;
    const shown = (versions.length > 0 ? versions : tags).slice(0, SHOWN);
    if (shown.length > 0)
      interview.say(
        `The newest of ${tags.length} tags:\n` +
          shown.map(({ tag, date }) => `  ${tag.padEnd(16)} ${date}`).join("\n"),
      );
    return { mirror, ...(newest === undefined ? {} : { newest }) };
  } catch (error) {
    if (!(error instanceof UserError) || !interview.isInteractive) throw error;
    interview.say(`${error.message} The release that you name can't be checked now.`);
    return {};
  }
}
