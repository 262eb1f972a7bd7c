/** The job that takes the containers away and leaves everything users own. */
import { type JobContext, type Step } from "./step.ts";
import { renderedRecord } from "./renderings.ts";

export const REMOVE_STEPS: readonly Step[] = [
  { id: "J6", title: "stop and remove the containers; data stay", run: removeContainers },
];

async function removeContainers(context: JobContext): Promise<void> {
  const { driver, job } = context;
  const serving = job.plan.previous?.serving;
  await driver.stopServer();
  await driver.remove(serving === undefined ? undefined : renderedRecord(context, serving));
}
