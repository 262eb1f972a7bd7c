/** The containers of a release, made before any of them is started. */
import { messageOf } from "../../../common/errors.ts";
import { DATABASE_SERVICE, MAIN_SERVICE } from "../../../release/compose-file.ts";
import type { RenderedRelease } from "../driver.ts";
import type { ComposeProject } from "./project.ts";

export interface CreateOptions {
  /** Seconds that a container has to end which is replaced. */
  stopSeconds: number;
  /** All services beside the server. */
  others: readonly string[];
  /** As the option of a start: only the server and its database count. */
  mustServe: boolean;
}

/**
 * Makes them all together. Where that fails and the chat has to come back, it is made with its database alone,
 * and after it each of the others: Compose makes none where one can't be, as when its image is gone.
 *
 * @returns the services that could not be made, and why
 */
export async function createContainers(
  compose: ComposeProject,
  release: RenderedRelease,
  { stopSeconds, others, mustServe }: CreateOptions,
): Promise<Map<string, string>> {
  try {
    await compose.create(release, stopSeconds);
    return new Map();
  } catch (error) {
    if (!mustServe) throw error;
  }
  const beside = others.filter((service) => service !== DATABASE_SERVICE);
  const counts = others.filter((service) => service === DATABASE_SERVICE);
  await compose.create(release, stopSeconds, [MAIN_SERVICE, ...counts]);
  const failed = new Map<string, string>();
  for (const service of beside)
    await compose
      .create(release, stopSeconds, [service])
      .catch((error: unknown) => failed.set(service, messageOf(error)));
  return failed;
}
