/** The start of what a server needs: everything beside it, the database with patience. */
import { messageOf } from "../../../common/errors.ts";
import { DATABASE_SERVICE } from "../../../release/compose-file.ts";
import type { RenderedRelease, ServiceFacts } from "../driver.ts";
import { DATABASE_START_TIMEOUT, waitForDatabase } from "./data/database.ts";
import { containersOf, findContainer, lastErrors } from "./docker.ts";
import type { ComposeProject, StartOthersOptions } from "./project.ts";

/** How they are started. */
export interface StartServicesOptions extends Pick<StartOthersOptions, "isMadeAnew"> {
  /**
   * Gives the database up as soon as it has ended again and again: one on an image or by a definition that it
   * did not run from before won't be well later, and nobody can use the chat meanwhile.
   *
   * @default false: what was well before is waited for
   */
  isImpatient?: boolean;
  /**
   * Gets a service beside the server that does not come up, and why; never the database.
   *
   * @default it fails the start
   */
  ifNotStarted?: (service: string, error: unknown) => void;
}

/** What is started before the server, and what after it because the server doesn't wait for it. */
export interface StartOrder {
  first: string[];
  later: string[];
  /** Whether the server is started all the same where this service doesn't come up. */
  mayLack: (service: string) => boolean;
}

/**
 * In which order the stopped services of a release are started, and which of them count. An update is no reason
 * to ask for what did not run before it either.
 *
 * @param needed what the server depends on
 * @param before the services before the containers were made
 * @param mustServe as the option of a start: only the database counts
 */
export function startOrder(
  stopped: readonly string[],
  {
    needed,
    before,
    mustServe,
  }: { needed: ReadonlySet<string>; before: readonly ServiceFacts[]; mustServe: boolean },
): StartOrder {
  const didNotRun = (service: string): boolean =>
    before.some((facts) => facts.service === service && facts.state !== "running");
  const mayLack = (service: string): boolean =>
    service !== DATABASE_SERVICE && (mustServe || (didNotRun(service) && !needed.has(service)));
  const isFirst = (service: string): boolean => needed.has(service) || !mayLack(service);
  return {
    first: stopped.filter(isFirst),
    later: stopped.filter((service) => !isFirst(service)),
    mayLack,
  };
}

/**
 * Whether a database that ran has got a container of another definition: what then ends again and again does so
 * because of it, and the one before is known to work.
 */
export function isDatabaseRedefined(
  before: readonly Pick<ServiceFacts, "service" | "state" | "configHash">[],
  now: readonly Pick<ServiceFacts, "service" | "configHash">[],
): boolean {
  const ran = before.find(({ service }) => service === DATABASE_SERVICE);
  const made = now.find(({ service }) => service === DATABASE_SERVICE);
  return ran?.state === "running" && made !== undefined && made.configHash !== ran.configHash;
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
  { isMadeAnew = false, isImpatient = false, ifNotStarted = fail }: StartServicesOptions = {},
): Promise<void> {
  const beside = services.filter((service) => service !== DATABASE_SERVICE);
  if (!services.includes(DATABASE_SERVICE)) {
    await startBeside(compose, release, beside, ifNotStarted);
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
    await startBeside(compose, release, beside, ifNotStarted);
  } finally {
    watch?.end();
  }
}

function fail(_service: string, error: unknown): never {
  throw error;
}

/**
 * Together, in the order in which they depend on each other. Where that fails Compose has named the first that
 * was not well, and may not have come to the others: then one by one.
 */
async function startBeside(
  compose: ComposeProject,
  release: RenderedRelease,
  services: readonly string[],
  ifNotStarted: (service: string, error: unknown) => void,
): Promise<void> {
  try {
    await compose.startOthers(release, services);
  } catch (error) {
    const [service = "", ...more] = services;
    if (more.length > 0)
      for (const each of services) await startBeside(compose, release, [each], ifNotStarted);
    else if (!(await hasDoneItsWork(compose.name, service))) ifNotStarted(service, error);
  }
}

/** One that is made to run once; Compose waits for it to run, and calls its end a failure. */
async function hasDoneItsWork(project: string, service: string): Promise<boolean> {
  const facts = (await findContainer(project, service))?.facts;
  return facts?.status === "exited" && facts.exitCode === 0;
}

/** A signal that says when the database's container has ended too often. */
function watchRestarts(project: string): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const look = async (): Promise<void> => {
    const restarts = (await findContainer(project, DATABASE_SERVICE))?.facts.restartCount;
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
