/**
 * The gate: what must be true of a server before an update counts as done.
 *
 * The reported version alone proves nothing (many releases report the same), nor does a 200 (it is
 * sent with the database down), nor does "healthy" alone (an empty database is healthy as well).
 */
import type { Driver } from "./drivers/driver.ts";
import type {
  AppliedMigration,
  ContainerFacts,
  DatabaseIdentity,
  GateLimits,
  HealthAnswer,
  Migration,
  ReleaseIdentity,
} from "./protocol.ts";
import { databaseName, sameDatabase } from "./same-database.ts";

/** Pause between two probes; with the database asked too this stays far below the rate limit. */
const PROBE_INTERVAL = 400;

export interface GateFacts {
  server: ContainerFacts | undefined;
  /** What the release's tag stands for now. */
  taggedImageId: string | undefined;
  health: HealthAnswer;
  webVersion: string | undefined;
  database: { identity: DatabaseIdentity; applied: AppliedMigration[] } | undefined;
  /** The server's variables; read only where some are expected. */
  environment?: ReadonlyMap<string, string>;
  /** The containers of the services that are watched, by their names. */
  services?: ReadonlyMap<string, ContainerFacts>;
}

interface GateLook extends GateFacts {
  /** When the answer about the health came, in milliseconds since the epoch; the rest of a look takes longer. */
  answeredAt: number;
}

export interface Expectation {
  release: ReleaseIdentity;
  image: string;
  /** Variables that the container must have, as its compose file promises them. */
  environment?: Readonly<Record<string, string>>;
  /** The database that the ledger knows; undefined before the first commit. */
  database?: DatabaseIdentity;
  /** Services beside the server that have to run as well, and be started once. */
  services?: readonly string[];
  /**
   * The server of before the job, which may be the one that is proven: how often Docker had restarted it until
   * then says nothing.
   */
  before?: { id: string; restartCount: number } | undefined;
}

/** The gate was not passed; the text says why. */
export class GateError extends Error {
  override readonly name = "GateError";
}

/** What the gate saw when it was passed. */
export interface GatePass {
  server: ContainerFacts;
  database: { identity: DatabaseIdentity; applied: AppliedMigration[] };
  /** When the server first gave a good answer, in milliseconds since the epoch. */
  firstGoodAt: number;
}

/** Waits until everything expected is true and stays so for `mustStayGoodFor`. */
export async function passGate(
  driver: Driver,
  expected: Expectation,
  limits: GateLimits,
  tell: (text: string) => void,
  signal?: AbortSignal,
): Promise<GatePass> {
  const begun = performance.now();
  let migratedAt: number | undefined;
  let goodSince: { mark: number; start: string } | undefined;
  let wasMigrating = false;
  let firstGoodAt: number | undefined;
  let last = "";
  for (;;) {
    signal?.throwIfAborted();
    // A look may hang for many seconds, on a disk that is being flushed: what it found is as old as its beginning.
    const asked = performance.now();
    const facts = await readSettledFacts(driver, expected);
    const hopeless = finalFailure(facts, expected, firstGoodAt !== undefined);
    if (hopeless !== undefined) throw new GateError(await withLog(driver, hopeless));

    const failures = gateFailures(facts, expected);
    const isTooOften = facts.health.httpStatus === 429;
    if (failures.length === 0 && facts.server !== undefined && facts.database !== undefined) {
      const start = `${facts.server.id} ${facts.server.startedAt}`;
      if (goodSince?.start !== start) {
        goodSince = { mark: performance.now(), start };
        firstGoodAt ??= facts.answeredAt;
        tell(`healthy; watching it for ${limits.mustStayGoodFor / 1_000} s`);
      }
      if (asked - goodSince.mark >= limits.mustStayGoodFor)
        return {
          server: facts.server,
          database: facts.database,
          firstGoodAt: firstGoodAt ?? facts.answeredAt,
        };
    } else {
      const text = failures.join("; ");
      // A release that flaps never stays good for long enough and meets the limit below.
      // Alive, and nothing more can be said: neither good nor bad.
      if (isTooOften) last = text;
      else if (goodSince !== undefined) tell(`it was healthy and is not any more: ${text}`);
      else if (text !== last) tell(`not healthy yet: ${text}`);
      if (!isTooOften) goodSince = undefined;
      last = text;
      const migrating = isMigrating(facts, expected.release.migrations, wasMigrating);
      wasMigrating = migrating;
      migratedAt = migrating ? undefined : (migratedAt ?? asked);
      if (migrating && asked - begun > limits.migrationTimeout)
        throw new GateError(
          await withLog(
            driver,
            `its migrations took longer than ${limits.migrationTimeout / 1_000} s`,
          ),
        );
      if (migratedAt !== undefined && asked - migratedAt > limits.timeout)
        throw new GateError(
          await withLog(driver, `not healthy after ${limits.timeout / 1_000} s: ${text}`),
        );
    }
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL));
}

/** Everything that is not as expected, in words. Empty: the gate is passed at this moment. */
export function gateFailures(facts: GateFacts, expected: Expectation): string[] {
  const failures: string[] = [];
  const { server, health, database } = facts;
  if (server === undefined) return ["there is no server"];
  if (!server.running) failures.push(`the server is ${server.status}`);
  if (facts.taggedImageId === undefined) failures.push(`the image ${expected.image} is gone`);
  else if (server.imageId !== facts.taggedImageId)
    failures.push(
      `it runs image ${short(server.imageId)}, ${expected.image} is ${short(facts.taggedImageId)}`,
    );
  if (server.commit !== expected.release.commit)
    failures.push(
      `it is labelled ${server.commit ?? "with no commit"}, not ${expected.release.commit}`,
    );

  failures.push(...environmentFailures(facts.environment, expected.environment ?? {}));
  failures.push(...serviceFailures(facts.services, expected.services ?? []));

  if (!health.reachable) failures.push(health.problem ?? "it does not answer");
  else if (health.status === undefined) failures.push(health.problem ?? "it gives no health");
  else {
    if (health.status !== "ok") failures.push(`its status is "${health.status}"`);
    if (health.databaseHealthy !== true) failures.push("it can't reach its database");
    if (
      expected.release.crateVersion !== undefined &&
      health.version !== expected.release.crateVersion
    )
      failures.push(
        `it reports version ${health.version}, the commit has ${expected.release.crateVersion}`,
      );
    if (
      expected.release.webVersion !== undefined &&
      facts.webVersion !== expected.release.webVersion
    )
      failures.push(
        `its web client is ${facts.webVersion ?? "without a version"}, the commit has ${expected.release.webVersion}`,
      );
  }

  if (database === undefined) failures.push("the database does not answer");
  else {
    failures.push(...migrationFailures(database.applied, expected.release.migrations));
    const known = expected.database;
    if (known !== undefined && !sameDatabase(known, database.identity))
      failures.push(
        `this is another database (${databaseName(database.identity)}) than the one of this instance (${databaseName(known)})`,
      );
  }
  return failures;
}

/** One that ends and is started again, and again, runs now and then. */
function serviceFailures(
  found: ReadonlyMap<string, ContainerFacts> | undefined,
  expected: readonly string[],
): string[] {
  return expected.flatMap((service) => {
    const facts = found?.get(service);
    if (facts === undefined) return [`${service} has no container`];
    if (facts.restartCount > 0)
      return [`${service} ended and was started again ${facts.restartCount} times`];
    return facts.running ? [] : [`${service} is ${facts.status}`];
  });
}

/** Names only: the values may be secret. */
function environmentFailures(
  found: ReadonlyMap<string, string> | undefined,
  expected: Readonly<Record<string, string>>,
): string[] {
  const wrong = Object.keys(expected).filter((name) => found?.get(name) !== expected[name]);
  return wrong.length === 0
    ? []
    : [`its container does not have the configured value of ${wrong.sort().join(", ")}`];
}

/** How the applied migrations differ from the files of a release. */
export function migrationFailures(
  applied: readonly AppliedMigration[],
  files: readonly Migration[],
): string[] {
  const byVersion = new Map(applied.map((migration) => [migration.version, migration]));
  const missing = files.filter(({ version }) => !byVersion.has(version));
  const edited = files.filter(({ version, checksum }) => {
    const found = byVersion.get(version);
    return found !== undefined && found.checksum !== checksum;
  });
  const known = new Set(files.map(({ version }) => version));
  const foreign = applied.filter(({ version }) => !known.has(version));
  const list = (migrations: readonly { version: number }[]) =>
    migrations.map(({ version }) => version).join(", ");
  return [
    ...(missing.length === 0 ? [] : [`migrations not applied: ${list(missing)}`]),
    ...(edited.length === 0 ? [] : [`migrations applied with other content: ${list(edited)}`]),
    ...(foreign.length === 0
      ? []
      : [`applied migrations that the release does not have: ${list(foreign)}`]),
  ];
}

async function readGateFacts(driver: Driver, expected: Expectation): Promise<GateLook> {
  const [server, image, { health, answeredAt }, database] = await Promise.all([
    driver.server(),
    driver.image(expected.image),
    driver.health().then((answer) => ({ health: answer, answeredAt: Date.now() })),
    driver.database(),
  ]);
  const webVersion =
    expected.release.webVersion !== undefined && health.status === "ok"
      ? await driver.webVersion()
      : undefined;
  const environment =
    expected.environment === undefined ? {} : { environment: await driver.environment() };
  const services =
    expected.services === undefined || expected.services.length === 0
      ? {}
      : { services: await driver.containers(expected.services) };
  return {
    ...{ server, taggedImageId: image?.id, health, answeredAt, webVersion, database },
    ...environment,
    ...services,
  };
}

/** What ends a container that ran out of memory, and others. */
const KILLED = 137;

/** Docker tells the end of a container and the want of memory that it ended by in two messages. */
async function readSettledFacts(driver: Driver, expected: Expectation): Promise<GateLook> {
  const facts = await readGateFacts(driver, expected);
  const { server } = facts;
  if (server?.running !== false || server.exitCode !== KILLED || server.outOfMemory) return facts;
  await pause();
  return { ...facts, server: await driver.server() };
}

/** Why the server can't become healthy any more: its restart policy is "no" until it is committed. */
function finalFailure(
  { server }: GateFacts,
  { before }: Expectation,
  wasGood: boolean,
): string | undefined {
  if (server === undefined) return "its container is gone";
  const restarts = server.restartCount - (before?.id === server.id ? before.restartCount : 0);
  if (restarts > 0) return `it was restarted ${restarts} times`;
  if (server.outOfMemory) return "it was killed for want of memory";
  if (server.status === "exited" || server.status === "dead")
    return `it ended ${wasGood ? "after it was healthy" : "by itself"} with exit code ${server.exitCode}`;
  return undefined;
}

/** The server migrates before it listens, so silence with migrations missing is work, not failure. */
function isMigrating(facts: GateFacts, files: readonly Migration[], before: boolean): boolean {
  if (facts.health.reachable || facts.server?.running !== true) return false;
  // A database that is busy with a heavy migration may not answer a question in time.
  if (facts.database === undefined) return before;
  const applied = new Set(facts.database.applied.map(({ version }) => version));
  return files.some(({ version }) => !applied.has(version));
}

async function withLog(driver: Driver, cause: string): Promise<string> {
  const lines = await driver.logTail(8).catch(() => []);
  return lines.length === 0 ? cause : `${cause}\nIts last log lines:\n  ${lines.join("\n  ")}`;
}

function short(imageId: string): string {
  return imageId.replace(/^sha256:/, "").slice(0, 12);
}
