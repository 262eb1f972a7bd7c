/** J9: the gate, and what is recorded of a server that has passed it. */
import type { RenderedRelease } from "../drivers/driver.ts";
import { passGate } from "../gate.ts";
import type { ServingRecord } from "../protocol.ts";
import { fileDigests } from "../release-files.ts";
import { serverBefore } from "./check-update.ts";
import { databaseChange, hasOtherImage, imageChangesOf } from "./other-images.ts";
import { takenPorts } from "./ports.ts";
import { replacedIdentity } from "./replace-database.ts";
import { renderedTarget } from "./renderings.ts";
import { type JobContext, switchTarget, wantedRelease } from "./step.ts";
import { upgradedIdentity } from "./upgrade.ts";

export async function proveNewServer(
  context: JobContext,
): Promise<{ serving: ServingRecord; firstGoodAt: number }> {
  const { driver, job, ledger, progress } = context;
  const target = switchTarget(context);
  const known =
    upgradedIdentity(job) ?? replacedIdentity(job) ?? ledger.lastServing?.serving?.database;
  const rendered = renderedTarget(context);
  const pass = await passGate(
    driver,
    {
      release: wantedRelease(context),
      image: target.image,
      environment: await driver.wantedEnvironment(rendered),
      ...(known === undefined ? {} : { database: known }),
      // One that did not run before is not asked to run now.
      services: imageChangesOf(job).flatMap(({ service, isStopped }) =>
        isStopped === true ? [] : [service],
      ),
      before: serverBefore(job),
    },
    target.gate,
    (text) => progress.tell("J9", text),
  );
  await refuseTakenPorts(context, rendered);
  await refuseOtherRules(context);
  return {
    firstGoodAt: pass.firstGoodAt,
    serving: {
      releaseDirectory: target.releaseDirectory,
      configurationDigest: target.configurationDigest,
      image: target.image,
      imageId: pass.server.imageId,
      composeConfigHash: pass.server.composeConfigHash ?? "",
      profiles: target.profiles,
      listen: target.listen,
      restartPolicy: await driver.restartPolicy(rendered),
      files: await fileDigests(context.paths, target.releaseDirectory),
      services: await committedServices(driver, rendered),
      database: pass.database.identity,
      applied: pass.database.applied,
      ...(target.postgres === undefined ? {} : { postgres: target.postgres }),
    },
  };
}

/**
 * A server behind a closed door has not taken its ports yet. Whoever took them since J1 would keep
 * users out after the commit, when nothing is taken back any more.
 */
async function refuseTakenPorts(context: JobContext, rendered: RenderedRelease): Promise<void> {
  const { driver, job } = context;
  if (job.factsOf("J8")?.door !== "closed") return;
  const [taken] = await takenPorts(driver, await driver.publishedPorts(rendered));
  if (taken !== undefined)
    throw new Error(
      `port ${taken.port} on ${taken.address} was taken by ${taken.owner} during the update`,
    );
}

/** Rules of a kind that could not be compared before the start: there were none of another version then. */
async function refuseOtherRules({ driver, job }: JobContext): Promise<void> {
  if (!hasOtherImage(databaseChange(imageChangesOf(job)))) return;
  const obstacle = (await driver.database())?.obstacle;
  if (obstacle !== undefined)
    throw new Error(`the database's new image does not fit its data: ${obstacle}`);
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
