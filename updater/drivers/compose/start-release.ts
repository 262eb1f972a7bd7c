/** The start of a whole release: its containers, what the server needs, its door, the server. */
import { messageOf } from "../../../common/errors.ts";
import { DATABASE_SERVICE, MAIN_SERVICE } from "../../../release/compose-file.ts";
import type { RenderedRelease, StartOptions, StartResult } from "../driver.ts";
import { clearForStart } from "./before-start.ts";
import { createContainers } from "./create-containers.ts";
import { docker, endOf, listContainers } from "./docker.ts";
import { closeDoor, hasDoor, isBehindDoor, joinNetworks, removeDoor } from "./door.ts";
import { healthOf } from "./look.ts";
import type { ComposeProject } from "./project.ts";
import { findServer, setRestart, STOP_SECONDS, stopServer } from "./server-container.ts";
import { isDatabaseRedefined, startOrder, startServices } from "./start-services.ts";

/** For a server without migrations to come: it answers after 0.1 s (measured). */
const ANSWER_TIMEOUT = 20_000;

/** Where releases are started. */
export interface StartPlace {
  compose: ComposeProject;
  /** The folder with the files of our releases. */
  releases: string;
}

/** As {@link Driver.start}. */
export async function startRelease(
  { compose, releases }: StartPlace,
  release: RenderedRelease,
  { door = "open", isImpatient = false, mustServe = false, tell }: StartOptions = {},
): Promise<StartResult> {
  compose.forget();
  const before = await clearForStart(compose.name, releases);
  const [others, needed, isLeft] = await Promise.all([
    compose.otherServices(release),
    compose.dependencies(release, MAIN_SERVICE),
    hasDoor(compose.name),
  ]);
  const begun = Date.now();
  const notMade = await createContainers(compose, release, {
    ...{ stopSeconds: STOP_SECONDS, others, mustServe },
  });
  for (const [service, cause] of notMade) tell?.(`${service} is not made as it was: ${cause}`);
  const containers = await listContainers(compose.name);
  const server = containers.find(({ service }) => service === MAIN_SERVICE);
  if (server === undefined)
    throw new Error(`create the containers: Compose made none for service "${MAIN_SERVICE}"`);
  await setRestart(server.id, "no");
  const running = new Set(
    containers.filter(({ state }) => state === "running").map(({ service }) => service),
  );
  const stopped = others.filter((service) => !running.has(service) && !notMade.has(service));
  const order = startOrder(stopped, { needed, before: before.services, mustServe });
  const ifNotStarted = (service: string, error: unknown): void => {
    if (!order.mayLack(service)) throw error;
    tell?.(`${service} does not run: ${messageOf(error)}`);
  };
  await startServices(compose, release, order.first, {
    // On the way back patience is all there is: a disk may be full, or a crash has to be recovered from.
    isImpatient: isImpatient || (!mustServe && isDatabaseRedefined(before.services, containers)),
    ifNotStarted,
  });
  const old = before.server;
  // Compose leaves one that it did not make anew where a closed door had put it.
  if (old?.id === server.id) await bringBack(compose, release, server.id);
  if (door === "closed") await shut(compose.name, server.id, needed);
  await docker("start the server", ["start", server.id]);
  await startServices(compose, release, order.later, { ifNotStarted });
  if (door === "open" && isLeft)
    await removeDoor(compose.name).catch((error: unknown) => tell?.(messageOf(error)));
  const isReplaced = old?.running === true && old.id !== server.id;
  const stoppedAt = isReplaced ? await endOf(old.id, begun) : undefined;
  return stoppedAt === undefined ? {} : { stoppedAt };
}

/** As {@link Driver.openDoor}. */
export async function openDoor(compose: ComposeProject, release: RenderedRelease): Promise<void> {
  const server = await findServer(compose.name);
  if (server?.running !== true || !(await isBehindDoor(compose.name, server.id))) {
    await bringBack(compose, release, server?.id);
    return;
  }
  // First of all, so that what can't be done leaves it running.
  await joinNetworks(server.id, await compose.serverNetworks(release));
  // Its connections to the database go through the network that is removed, and would hang for minutes.
  await stopServer(compose.name);
  await bringBack(compose, release, server.id);
  await docker("start the server", ["start", server.id]);
  await waitForAnswer(compose.name);
}

/** Listed anew: what was started meanwhile runs, and has to come along. */
async function shut(project: string, server: string, needed: ReadonlySet<string>): Promise<void> {
  const containers = await listContainers(project);
  const isNeeded = (service: string): boolean =>
    service === DATABASE_SERVICE || needed.has(service);
  await closeDoor(
    project,
    server,
    containers.filter(({ service }) => isNeeded(service)),
  );
}

/** From behind a closed door into the networks of its definition. */
async function bringBack(
  compose: ComposeProject,
  release: RenderedRelease,
  server: string | undefined,
): Promise<void> {
  if (server !== undefined) await joinNetworks(server, await compose.serverNetworks(release));
  await removeDoor(compose.name);
}

/** It was proven before. One that does not answer now is seen by whoever looks at it next. */
async function waitForAnswer(project: string): Promise<void> {
  const begun = performance.now();
  const answers = async (): Promise<boolean> =>
    (await healthOf(await findServer(project))).reachable;
  while (performance.now() - begun < ANSWER_TIMEOUT && !(await answers()))
    await new Promise((resolve) => setTimeout(resolve, 100));
}
