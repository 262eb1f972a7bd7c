/** The start of what a server needs: everything beside it, the database with patience. */
import { messageOf } from "../../../common/errors.ts";
import { DATABASE_SERVICE } from "../../../release/compose-file.ts";
import type { RenderedRelease } from "../driver.ts";
import { DATABASE_START_TIMEOUT, waitForDatabase } from "./data/database.ts";
import { containersOf, lastErrors } from "./docker.ts";
import type { ComposeProject, StartOthersOptions } from "./project.ts";

/**
 * Starts services and waits until they can be used.
 *
 * Compose gives a container up as soon as its health check calls it unhealthy, which is after 25
 * seconds with upstream's. A database that is made, that recovers after a crash, or whose disk was
 * full takes longer, and is well afterwards.
 */
export async function startServices(
  compose: ComposeProject,
  release: RenderedRelease,
  services: readonly string[],
  options: StartOthersOptions = {},
): Promise<void> {
  if (!services.includes(DATABASE_SERVICE)) {
    await compose.startOthers(release, services, options);
    return;
  }
  const begun = performance.now();
  try {
    await compose.startOthers(release, services, options);
    await waitForDatabase(compose.name);
  } catch (error) {
    try {
      const left = DATABASE_START_TIMEOUT - (performance.now() - begun);
      await waitForDatabase(compose.name, left);
    } catch {
      const [id] = await containersOf(compose.name, DATABASE_SERVICE).catch(() => []);
      const said = id === undefined ? "" : await lastErrors(id);
      throw new Error(`${messageOf(error)}${said}`, { cause: error });
    }
    await compose.startOthers(
      release,
      services.filter((service) => service !== DATABASE_SERVICE),
    );
  }
}
