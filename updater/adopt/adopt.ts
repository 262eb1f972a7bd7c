/**
 * Takes over a chat that something else deployed, without a restart: what runs becomes what the ledger says
 * was committed. That there is an instance is written last but the links, so that a kill before it leaves a
 * server that can be taken over anew; after it, what is missing is drift, which `pulumi up` mends.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { COMMIT_LABEL, MAIN_SERVICE } from "../../release/compose-file.ts";
import { ComposeDriver } from "../drivers/compose/compose-driver.ts";
import { labelImage, type RunningChat } from "../drivers/compose/found-chat.ts";
import { linkDurably, nameExists, writeFileDurably } from "../files.ts";
import { flush } from "../flush.ts";
import { keepReserve, keyedDigest, makeFolders, plantInstance } from "../instance.ts";
import type { Runner } from "../job.ts";
import { Ledger } from "../ledger.ts";
import { type InstancePaths, instancePaths } from "../paths.ts";
import type { InstanceSecrets, ServingRecord } from "../protocol.ts";
import { directoryLinks, fileDigests, keepEdits } from "../release-files.ts";
import { configurationDigest, writeRelease } from "../rendered-release.ts";
import { unpackTree } from "../steps/prepare.ts";
import { answeringDatabase } from "../steps/step.ts";
import { nextSequence } from "../submit.ts";
import { withSubmitLock } from "../submit-lock.ts";
import { writeTemplate } from "../unit.ts";
import { reasonsBeforeWriting, reasonsOfRelease } from "./checks.ts";
import { differencesOf } from "./differences.ts";
import { chatToAdopt } from "./look.ts";
import type { AdoptAnswer, AdoptRequest } from "./protocol.ts";

export async function adopt(request: AdoptRequest, runner: Runner): Promise<AdoptAnswer> {
  const paths = instancePaths(request.directory);
  return withSubmitLock(paths, () => adoptLocked(paths, request, runner));
}

async function adoptLocked(
  paths: InstancePaths,
  request: AdoptRequest,
  runner: Runner,
): Promise<AdoptAnswer> {
  const openedAt = new Date();
  const chat = await chatToAdopt(paths, request.project);
  if (typeof chat === "string") return { answer: "refused", reasons: [chat] };
  const reasons = await reasonsBeforeWriting(paths, request, chat);
  const { secrets } = chat;
  if (reasons.length > 0 || secrets === undefined) return { answer: "refused", reasons };

  const hasTree = await nameExists(join(paths.trees, request.release.commit));
  if (!hasTree && request.archive === undefined) return { answer: "wanted" };

  await makeFolders(paths);
  await unpackTree(paths, request.release.commit, request.archive);
  const driver = new ComposeDriver(paths, request.project);
  const others = await reasonsOfRelease(paths, driver, request, chat);
  if (others.length > 0) return { answer: "refused", reasons: others };

  const ledger = await Ledger.read(paths);
  const sequence = await nextSequence(paths, ledger, driver.databaseTools);
  const { serving, differences } = await record(paths, driver, request, chat, secrets, sequence);
  await ledger.append({
    ...{ sequence, kind: "switch", outcome: "done", requestedBy: request.requestedBy },
    openedAt: openedAt.toISOString(),
    closedAt: new Date().toISOString(),
    release: request.release,
    configurationDigest: serving.configurationDigest,
    durations: { total: Date.now() - openedAt.getTime() },
    serving,
  });
  await writeTemplate();
  await keepReserve(paths);
  await linkDurably(paths.runnerNode, runner.node);
  await linkDurably(paths.runnerUpdater, runner.updater);
  const id = randomBytes(8).toString("hex");
  await plantInstance(paths, { id, project: request.project }, secrets);
  const renamed = await keepEdits(paths, { sequence, previous: undefined });
  await writeFileDurably(paths.adopted, JSON.stringify({ sequence, renamed }));
  for (const { path, target } of directoryLinks(paths, serving.releaseDirectory))
    await linkDurably(path, target);
  return { answer: "adopted", instanceId: id, differences, renamed };
}

/** What the ledger says of what runs, and what of it the next update will change. */
async function record(
  paths: InstancePaths,
  driver: ComposeDriver,
  request: AdoptRequest,
  chat: RunningChat,
  secrets: InstanceSecrets,
  sequence: number,
): Promise<{ serving: ServingRecord; differences: string[] }> {
  const { release, configuration } = request;
  const { facts } = chat.server;
  const image = driver.imageName(release.commit);
  const label = { name: COMMIT_LABEL, value: release.commit };
  const imageId = await labelImage(facts.imageId, image, label);
  await flush("the image");
  const releaseDirectory = await writeRelease(paths, request, image, secrets, sequence);
  const rendered = {
    directory: join(paths.directory, releaseDirectory),
    profiles: configuration.profiles,
  };
  await driver.ownSecrets(rendered, image);
  const differences = await differencesOf(driver, rendered, chat, configuration.listen);
  const hashes = await driver.configHashes(rendered);
  const database = await answeringDatabase(driver);
  const listen = chat.listen ?? configuration.listen;
  return {
    differences,
    serving: {
      releaseDirectory,
      // What differs is asked for by the next request, which must not find it done.
      configurationDigest:
        differences.length === 0
          ? await configurationDigest(paths, request, image, secrets)
          : await keyedDigest(paths, { found: facts.id }),
      ...{ image, imageId, listen, found: facts.id },
      // What it is made as when it is made again.
      composeConfigHash: hashes.get(MAIN_SERVICE) ?? "",
      profiles: configuration.profiles,
      restartPolicy: facts.restartPolicy,
      files: await fileDigests(paths, releaseDirectory),
      services: Object.fromEntries(chat.services),
      database: database.identity,
      applied: database.applied,
    },
  };
}
