import { MAIN_SERVICE } from "../../../release/compose-file.ts";
import { docker, listContainers } from "./docker.ts";
import { STOP_SECONDS } from "./server-container.ts";

/**
 * Stops and removes the containers of services beside the server that a release has no more.
 *
 * @param wanted the services that it has
 * @returns those whose containers were removed
 */
export async function removeLeftovers(
  project: string,
  wanted: readonly string[],
): Promise<string[]> {
  const left = (await listContainers(project)).filter(
    ({ service }) => service !== MAIN_SERVICE && !wanted.includes(service),
  );
  const removed = [...new Set(left.map(({ service }) => service))];
  for (const service of removed) {
    const ids = left.filter((container) => container.service === service).map(({ id }) => id);
    await docker("stop a service", ["stop", "-t", String(STOP_SECONDS), ...ids]);
    await docker("remove a service", ["rm", ...ids]);
  }
  return removed;
}
