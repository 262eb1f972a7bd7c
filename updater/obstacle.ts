import { readFileIfThere } from "./files.ts";
import { openJob } from "./job.ts";
import type { InstancePaths } from "./paths.ts";
import type { JobKind } from "./protocol.ts";
import { needsOperatorText, underWay } from "./texts.ts";

/**
 * Why an instance is left as it is: a job is under way, or one that could neither finish nor go back waits for
 * a person. To be asked under the lock of submissions: else a job may begin right after.
 *
 * @param isHarmless the jobs beside which it may be changed; by default there are none
 * @returns undefined where nothing is in the way
 */
export async function obstacleOf(
  paths: InstancePaths,
  isHarmless: (kind: JobKind) => boolean = () => false,
): Promise<string | undefined> {
  const job = await openJob(paths);
  if (job !== undefined && !isHarmless(job.plan.kind)) return underWay(job.summary);
  const marker = await readFileIfThere(paths.needsOperator);
  return marker === undefined ? undefined : needsOperatorText(marker);
}
