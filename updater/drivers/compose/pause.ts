/** Containers that are stopped for a while, and started again as they are. */
import { DATABASE_SERVICE } from "../../../release/compose-file.ts";
import { docker, isUnfinished, listContainers } from "./docker.ts";

/** Seconds that a service may take to end by itself. */
const STOP_SECONDS = 30;

/** @returns the services that were running */
export async function stopAllButDatabase(project: string): Promise<string[]> {
  const running = (await listContainers(project)).filter(
    ({ service, state }) => service !== DATABASE_SERVICE && state === "running",
  );
  if (running.length > 0)
    await docker(
      "stop the services",
      ["stop", "-t", String(STOP_SECONDS), ...running.map(({ id }) => id)],
      { timeout: (STOP_SECONDS + 30) * 1_000 * running.length },
    );
  return running.map(({ service }) => service);
}

/** @param services in the order in which they are started */
export async function startAgain(project: string, services: readonly string[]): Promise<void> {
  const containers = await listContainers(project);
  for (const wanted of services)
    for (const container of containers) {
      const { id, service, state } = container;
      if (service === wanted && state !== "running" && !isUnfinished(container))
        await docker("start a service", ["start", id]);
    }
}
