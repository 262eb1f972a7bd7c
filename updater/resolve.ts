/**
 * For an instance whose last job could neither finish nor go back: shows what is there, lets jobs begin
 * again, or has the way back of that job tried once more. Decided under the lock of submissions, so that
 * there is one job at a time here, too.
 */
import { stat } from "node:fs/promises";
import { compareMigrations } from "../release/compare.ts";
import { dumpFile, listBackups } from "./backups.ts";
import { ComposeDriver } from "./drivers/compose/compose-driver.ts";
import { inspectContainer, listContainers } from "./drivers/compose/docker.ts";
import type { Driver } from "./drivers/driver.ts";
import { linkDurably, nameExists, readFileIfThere, removeDurably } from "./files.ts";
import { Job, jobSequences, type Runner } from "./job.ts";
import { failedName, leftName, revertPointName } from "./kept-databases.ts";
import { Ledger } from "./ledger.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import type { Predicament, ResolveAnswer, ResolveRequest } from "./protocol.ts";
import { startUnit } from "./submit.ts";
import { withSubmitLock } from "./submit-lock.ts";
import { underWay } from "./texts.ts";
import { armUnit } from "./unit.ts";

/** The server as {@link resolve} looks at it, which tests replace. */
export interface Sight {
  driver: Pick<Driver, "database" | "databaseTools">;
  containers(): Promise<Predicament["containers"]>;
}

export type SightOf = (paths: InstancePaths, project: string) => Sight;

const composeSight: SightOf = (paths, project) => ({
  driver: new ComposeDriver(paths, project),
  containers: () => containersOf(project),
});

export async function resolve(
  { directory, action, requestedBy }: ResolveRequest,
  runner: Runner,
  sightOf: SightOf = composeSight,
): Promise<ResolveAnswer> {
  const paths = instancePaths(directory);
  if (!(await nameExists(paths.needsOperator))) return { answer: "nothing" };
  if (action === "show") return show(paths, sightOf);
  const answer = await withSubmitLock(paths, () => decide(paths, action, { requestedBy, runner }));
  // Without the lock, which the unit may want before it looks for a job.
  if (answer.answer === "reopened") await startUnit(paths, answer.sequence);
  return answer;
}

async function show(paths: InstancePaths, sightOf: SightOf): Promise<ResolveAnswer> {
  const [marker, job] = [await readFileIfThere(paths.needsOperator), await lastJob(paths)];
  if (marker === undefined) return { answer: "nothing" };
  if (job !== undefined && job.closed === undefined)
    return { answer: "refused", reasons: [underWay(job.summary)] };
  return { answer: "shown", predicament: await look(paths, marker.trim(), job, sightOf) };
}

async function decide(
  paths: InstancePaths,
  action: "clear" | "take-back",
  { requestedBy, runner }: { requestedBy: string; runner: Runner },
): Promise<ResolveAnswer> {
  // Somebody else may have resolved it in the meantime.
  if (!(await nameExists(paths.needsOperator))) return { answer: "nothing" };
  const job = await lastJob(paths);
  if (job !== undefined && job.closed === undefined) {
    // Whoever reopened it may have been killed before its unit was started.
    await armUnit(paths.directory);
    return { answer: "refused", reasons: [underWay(job.summary)] };
  }
  if (action === "clear") {
    await removeDurably(paths.needsOperator);
    return { answer: "cleared" };
  }
  const obstacle = noWayBack(job);
  if (obstacle !== undefined || job === undefined)
    return { answer: "refused", reasons: [`${obstacle}. Nothing was changed.`] };
  const offset = await sizeOf(job.paths.progress);
  await linkDurably(paths.runnerNode, runner.node);
  await linkDurably(paths.runnerUpdater, runner.updater);
  await job.record({ type: "reopened", requestedBy, runner });
  await armUnit(paths.directory);
  return { answer: "reopened", sequence: job.sequence, offset };
}

/** Only of the newest job: nothing may have happened to the server since. */
async function lastJob(paths: InstancePaths): Promise<Job | undefined> {
  for (const sequence of (await jobSequences(paths)).reverse()) {
    const job = await Job.read(paths, sequence);
    if (job !== undefined) return job;
  }
  return undefined;
}

function noWayBack(job: Job | undefined): string | undefined {
  if (job === undefined) return "No job is known that could be taken back";
  const { closed, plan, sequence } = job;
  if (closed?.verdict.outcome !== "needs-operator")
    return `The newest job, number ${sequence}, ended as "${closed?.verdict.outcome ?? "open"}", so there is nothing to take back`;
  if (plan.kind !== "switch" || plan.previous?.serving === undefined)
    return `Nothing served before job ${sequence}, so there is nothing to go back to`;
  return undefined;
}

async function look(
  paths: InstancePaths,
  marker: string,
  job: Job | undefined,
  sightOf: SightOf,
): Promise<Predicament> {
  const last = job?.closed?.verdict.outcome === "needs-operator" ? job : undefined;
  const project = (last ?? job)?.plan.project;
  const sight = project === undefined ? undefined : sightOf(paths, project);
  // Docker may be what is broken: then the rest is shown all the same.
  const [containers, database, backups] = await Promise.all([
    sight?.containers().catch(() => []) ?? [],
    sight === undefined || job === undefined
      ? undefined
      : lookAtDatabase(sight, job).catch(() => undefined),
    listBackups(paths),
  ]);
  const obstacle = noWayBack(job);
  const record = last === undefined ? undefined : await recordOf(paths, last);
  return {
    marker,
    directory: paths.directory,
    containers,
    ...(last === undefined ? {} : { job: describeJob(last, record?.cause) }),
    ...(database === undefined ? {} : { database }),
    backups: backups.map(({ name, manifest }) => ({
      dumpFile: dumpFile(paths, name),
      takenAt: manifest.takenAt,
      release: manifest.release.name,
      size: manifest.dump.size,
      ...(manifest.proof === undefined ? {} : { provenAt: manifest.proof.restoredAt }),
    })),
    ...(obstacle === undefined ? {} : { noWayBack: obstacle }),
  };
}

async function recordOf(paths: InstancePaths, job: Job) {
  return (await Ledger.read(paths)).of(job.sequence, job.reopenings);
}

function describeJob(job: Job, cause: string | undefined): NonNullable<Predicament["job"]> {
  const { release, previous } = job.plan;
  const before = previous?.release;
  return {
    sequence: job.sequence,
    requestedBy: job.plan.requestedBy,
    openedAt: job.opened.at,
    cause: cause ?? job.closed?.verdict.cause ?? "unknown",
    step: job.step,
    ...(release === undefined ? {} : { release: { name: release.name, commit: release.commit } }),
    ...(before === undefined ? {} : { previous: { name: before.name, commit: before.commit } }),
    progressFile: job.paths.progress,
  };
}

async function lookAtDatabase(
  { driver }: Sight,
  job: Job,
): Promise<Predicament["database"] | undefined> {
  const found = await driver.database();
  if (found === undefined) return undefined;
  const name = await driver.databaseTools.liveName();
  const names = await driver.databaseTools.names();
  // A rollback makes no copy: the database that it left is what there was.
  const revertPoint = [revertPointName, leftName]
    .map((nameFor) => nameFor(name, job.sequence))
    .find((copy) => names.includes(copy));
  const failed = failedName(name, job.sequence);
  const known = job.plan.previous?.release?.migrations;
  return {
    name,
    applied: found.applied,
    unknownBefore: known === undefined ? [] : compareMigrations(found.applied, known).missing,
    failed,
    failedIsThere: names.includes(failed),
    ...(revertPoint === undefined ? {} : { revertPoint }),
  };
}

async function containersOf(project: string): Promise<Predicament["containers"]> {
  const found = await listContainers(project);
  return Promise.all(
    found.map(async ({ id, name, state }) => {
      const commit = (await inspectContainer(id))?.facts.commit;
      return { name, state, ...(commit === undefined ? {} : { commit }) };
    }),
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
