/**
 * The job that swaps the serving release: J1, J6, J8, J9. Read from top to bottom it is what an
 * update does; each step that touches the service says how it is taken back.
 *
 * J4, J5 (dump and its proof), J6a (change of the password) and J7 (revert point of the database,
 * undone by R2) belong between J1 and J8.
 */
import { join } from "node:path";
import { compareMigrations } from "../../release/compare.ts";
import { describeMilliseconds } from "../../common/duration.ts";
import type { RenderedRelease } from "../drivers/driver.ts";
import { messageOf } from "../../common/errors.ts";
import { nameExists } from "../files.ts";
import { passGate } from "../gate.ts";
import { OVERRIDE_FILE } from "../paths.ts";
import type { LedgerRecord, ReleaseIdentity, ServingRecord } from "../protocol.ts";
import { fileDigests } from "../release-files.ts";
import { requireSpace } from "./prepare.ts";
import { HopelessError, type JobContext, type Step, switchTarget, wantedRelease } from "./step.ts";

export const SWITCH_STEPS: readonly Step[] = [
  { id: "J1", title: "check that the update can work", run: checkUpdate },
  {
    id: "J6",
    title: "stop the old server, where one runs",
    touchesService: true,
    run: stopOldServer,
    undo: {
      id: "R3",
      title: "start the old server again and prove it healthy",
      run: restoreOldServer,
    },
  },
  {
    id: "J8",
    title: "start the new server",
    touchesService: true,
    run: startNewServer,
    undo: { id: "R1", title: "stop the new server", run: stopNewServer },
  },
  { id: "J9", title: "prove the new server healthy", touchesService: true, run: proveNewServer },
];

/** Everything that was seen in the preview is checked again: it may have changed since. */
async function checkUpdate(context: JobContext): Promise<void> {
  const { driver, paths, progress } = context;
  const release = wantedRelease(context);
  const target = switchTarget(context);
  const image = await driver.image(target.image);
  if (image?.commit !== release.commit)
    throw new Error(
      image === undefined
        ? `the image ${target.image} is not on the server`
        : `the image ${target.image} is labelled ${image.commit ?? "with no commit"}, not ${release.commit}`,
    );
  await requireSpace(paths.directory);
  await checkDatabase(context);
  const { address, port } = target.listen;
  const rendered = renderedTarget(context);
  const others = await portsOf(context, rendered);
  for (const published of [{ address, port }, ...others]) {
    const owner = await driver.portOwner(published.address, published.port);
    if (owner !== undefined)
      throw new Error(`port ${published.port} on ${published.address} is used by ${owner}`);
  }
  await driver.fetchOthers(rendered, (line) => progress.detail("J1", line));
  await driver.ownSecrets(rendered, target.image);
}

/** Also the first question to Compose: what it can't read stops the update here. */
async function portsOf({ driver }: JobContext, rendered: RenderedRelease) {
  const hasOverride = await nameExists(join(rendered.directory, OVERRIDE_FILE));
  try {
    return await driver.publishedPorts(rendered);
  } catch (error) {
    throw new Error(
      `${messageOf(error)}${hasOverride ? "\nYour override file is part of it: mend it or move it away" : ""}`,
      { cause: error },
    );
  }
}

/** Never onto an emptied or another database, never to a release that can't start on this one. */
async function checkDatabase(context: JobContext): Promise<void> {
  const { driver, ledger, progress } = context;
  const release = wantedRelease(context);
  const target = switchTarget(context);
  const known = ledger.lastServing?.serving?.database;
  const database = await driver.database();
  if (known !== undefined && database === undefined) {
    const empty = await driver.databaseVolumeIsEmpty(target.databaseVolume);
    if (empty !== false)
      throw new Error(
        `the volume ${target.databaseVolume} is ${empty === undefined ? "gone" : "empty"}, but this instance has a database; a start would show an empty chat`,
      );
  }
  if (database === undefined) {
    // The stop would come before anybody saw whether the release fits this database.
    if (await driver.databaseRuns())
      throw new Error(
        "the database runs but does not answer, so nothing is known of its migrations",
      );
    return;
  }
  if (
    known !== undefined &&
    (known.systemIdentifier !== database.identity.systemIdentifier ||
      known.oid !== database.identity.oid)
  )
    throw new Error(
      `the database is another one than this instance's: system ${database.identity.systemIdentifier}, not ${known.systemIdentifier}`,
    );
  const { pending, missing, edited } = compareMigrations(database.applied, release.migrations);
  const problems = [
    ...missing.map(
      ({ version, description }) => `${version} ${description} is applied and unknown to it`,
    ),
    ...edited.map(
      ({ release: { version, description } }) =>
        `${version} ${description} was edited after it was applied`,
    ),
  ];
  if (problems.length > 0)
    throw new Error(`${release.name} can't start on this database: ${problems.join("; ")}`);
  if (pending.length > 0)
    progress.tell(
      "J1",
      `migrations to come: ${pending.map(({ version, description }) => `${version} ${description}`).join(", ")}`,
    );
}

async function stopOldServer({ driver }: JobContext): Promise<{ stoppedAt?: number }> {
  const server = await driver.server();
  const stoppedAt = Date.now();
  await driver.stopServer();
  return server?.running === true ? { stoppedAt } : {};
}

async function startNewServer(context: JobContext): Promise<void> {
  await context.driver.start(renderedTarget(context));
}

async function proveNewServer(
  context: JobContext,
): Promise<{ serving: ServingRecord; firstGoodAt: number }> {
  const { driver, ledger, progress } = context;
  const target = switchTarget(context);
  const known = ledger.lastServing?.serving?.database;
  const rendered = renderedTarget(context);
  const pass = await passGate(
    driver,
    {
      release: wantedRelease(context),
      image: target.image,
      environment: await driver.wantedEnvironment(rendered),
      ...(known === undefined ? {} : { database: known }),
    },
    target.gate,
    (text) => progress.tell("J9", text),
  );
  return {
    firstGoodAt: pass.firstGoodAt,
    serving: {
      releaseDirectory: target.releaseDirectory,
      configurationDigest: target.configurationDigest,
      image: target.image,
      imageId: pass.server.imageId,
      composeConfigHash: pass.server.composeConfigHash ?? "",
      profiles: target.profiles,
      restartPolicy: await driver.restartPolicy(rendered),
      files: await fileDigests(context.paths, target.releaseDirectory),
      services: await committedServices(driver, rendered),
      database: pass.database.identity,
      applied: pass.database.applied,
    },
  };
}

/** The other services that run now, with Compose's digest of each. */
async function committedServices(
  driver: JobContext["driver"],
  rendered: RenderedRelease,
): Promise<Record<string, string>> {
  const wanted = await driver.otherServices(rendered);
  const running = (await driver.services()).filter(({ state }) => state === "running");
  return Object.fromEntries(
    running
      .filter(({ service }) => wanted.includes(service))
      .map(({ service, configHash }) => [service, configHash]),
  );
}

async function stopNewServer({ driver }: JobContext): Promise<void> {
  await driver.stopServer();
}

/** R3 and R4: from what the ledger recorded, without a build and without a network. */
async function restoreOldServer(context: JobContext): Promise<{ firstGoodAt?: number }> {
  const { driver, job, progress } = context;
  const { previous } = job.plan;
  const serving = previous?.serving;
  if (previous?.release === undefined || serving === undefined) {
    progress.tell("R3", "nothing served before this deployment, so nothing is started");
    return {};
  }
  await refuseMigratedDatabase(context, previous.release);
  await driver.start(renderedRecord(context, serving));
  progress.tell("R4", `${previous.release.name} was started; proving it healthy`);
  const pass = await passGate(
    driver,
    { release: previous.release, image: serving.image, database: serving.database },
    switchTarget(context).gate,
    (text) => progress.tell("R4", text),
  );
  await driver.setRestartPolicy(serving.restartPolicy);
  await driver.removeLeftovers(renderedRecord(context, serving)).catch((error: unknown) => {
    progress.tell("R4", `a service that is switched off still runs: ${messageOf(error)}`);
  });
  return { firstGoodAt: pass.firstGoodAt };
}

/**
 * The old release exits at once on a database with a migration it does not know. Until R2 takes the
 * database back, that is left to a person; nothing is started that is bound to fail.
 */
async function refuseMigratedDatabase({ driver }: JobContext, old: ReleaseIdentity): Promise<void> {
  const applied = (await driver.database())?.applied ?? [];
  const { missing } = compareMigrations(applied, old.migrations);
  if (missing.length === 0) return;
  const names = missing.map(({ version, description }) => `${version} ${description}`).join(", ");
  throw new HopelessError(
    `${old.name} can't start any more: the failed release had applied ${names}. Choose ` +
      "a release that has these migrations and works, or restore a backup",
  );
}

function renderedTarget(context: JobContext): RenderedRelease {
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

/** How long nothing answered, from the journal: stop of the old to the first good answer. */
export function downtimeOf(job: JobContext["job"], answeredBy: "J9" | "R3"): number | undefined {
  const facts = job.factsOf("J6");
  // A job that was killed in the middle of the stop has no facts of it.
  const stopped = facts === undefined ? job.begunAt("J6") : facts.stoppedAt;
  const good = job.factsOf(answeredBy)?.firstGoodAt;
  return typeof stopped === "number" && typeof good === "number"
    ? Math.max(0, good - stopped)
    : undefined;
}

/** "Away 0.7 s." for the result line. */
export function awayText(downtime: number | undefined): string {
  return downtime === undefined ? "" : ` Away ${describeMilliseconds(downtime)}.`;
}

/** A release as results name it. */
export function describeRelease(release: LedgerRecord["release"]): string {
  return release === undefined ? "no release" : `${release.name} (${release.commit.slice(0, 7)})`;
}
