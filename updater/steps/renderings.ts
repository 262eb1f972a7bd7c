/** Where the files of the releases lie that a switch is between. */
import { join } from "node:path";
import type { RenderedRelease } from "../drivers/driver.ts";
import type { ServingRecord } from "../protocol.ts";
import { type JobContext, switchTarget } from "./step.ts";

/** What the job is to start. */
export function renderedTarget(context: JobContext): RenderedRelease {
  const target = switchTarget(context);
  return {
    directory: join(context.paths.directory, target.releaseDirectory),
    profiles: target.profiles,
  };
}

/** The rendered release that a ledger record names. */
export function renderedRecord(
  { paths }: Pick<JobContext, "paths">,
  serving: ServingRecord,
): RenderedRelease {
  return { directory: join(paths.directory, serving.releaseDirectory), profiles: serving.profiles };
}
