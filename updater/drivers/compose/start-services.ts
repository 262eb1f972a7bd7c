/** The start of what a server needs: everything beside it, the database with patience. */
import { messageOf } from "../../../common/errors.ts";
import { DATABASE_SERVICE } from "../../../release/compose-file.ts";
import type { RenderedRelease } from "../driver.ts";
import { DATABASE_START_TIMEOUT, waitForDatabase } from "./data/database.ts";
import { containersOf, inspectContainer, lastErrors } from "./docker.ts";
import type { ComposeProject, StartOthersOptions } from "./project.ts";

/** How they are started. */
export interface StartServicesOptions extends Pick<StartOthersOptions, "isMadeAnew"> {
  /**
   * Gives the database up as soon as it has ended again and again: one on an image that it did not run from
   * before won't be well later, and nobody can use the chat meanwhile.
   *
   * @default false: what was well before is waited for
   */
  isImpatient?: boolean;
}

/** Docker starts it again after 0.1 s, then after twice as long each time: some seconds for all of these. */
const MOST_RESTARTS = 4;

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
  { isMadeAnew = false, isImpatient = false }: StartServicesOptions = {},
): Promise<void> {
  if (!services.includes(DATABASE_SERVICE)) {
    await compose.startOthers(release, services, { isMadeAnew });
    return;
  }
  const begun = performance.now();
  const watch = isImpatient ? watchRestarts(compose.name) : undefined;
  const signal = watch?.signal;
  try {
    await compose.startOthers(release, services, {
      isMadeAnew,
      ...(signal === undefined ? {} : { signal }),
    });
    await waitForDatabase(compose.name, DATABASE_START_TIMEOUT, signal);
  } catch (cause) {
    const error: unknown = signal?.aborted === true ? signal.reason : cause;
    try {
      const left = DATABASE_START_TIMEOUT - (performance.now() - begun);
      await waitForDatabase(compose.name, left, signal);
    } catch {
      const [id] = await containersOf(compose.name, DATABASE_SERVICE).catch(() => []);
      const said = id === undefined ? "" : await lastErrors(id);
      throw new Error(`${messageOf(error)}${said}`, { cause: error });
    }
    await compose.startOthers(
      release,
      services.filter((service) => service !== DATABASE_SERVICE),
    );
  } finally {
    watch?.end();
  }
}

/** A signal that says when the database's container has ended too often. */
function watchRestarts(project: string): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const look = async (): Promise<void> => {
    const [id] = await containersOf(project, DATABASE_SERVICE);
    const restarts = id === undefined ? 0 : (await inspectContainer(id))?.facts.restartCount;
    if (restarts !== undefined && restarts >= MOST_RESTARTS)
      controller.abort(
        new Error(
          `the database ended, and ended again when Docker had started it ${restarts} times`,
        ),
      );
  };
  // What can't be seen at one moment is seen at the next.
  const timer = setInterval(() => void look().catch(() => undefined), 1_000);
  return { signal: controller.signal, end: () => clearInterval(timer) };
}
