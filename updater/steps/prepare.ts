/** The job that gets a release ready while the old one serves: J1 to J3. */
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { archivePath } from "../archive-path.ts";
import { command } from "../command.ts";
import { flush } from "../flush.ts";
import { nameExists, removeDurably, sha256OfFile, syncDirectory } from "../files.ts";
import type { InstancePaths } from "../paths.ts";
import { refuseBuildsElsewhere } from "./refuse-host-reach.ts";
import { requireSpaceFor } from "./space.ts";
import { type Facts, type JobContext, type Step, wantedRelease } from "./step.ts";

export const PREPARE_STEPS: readonly Step[] = [
  { id: "J1", title: "check the server", run: checkServer },
  { id: "J2", title: "put the release's tree on the server", run: placeTree },
  { id: "J3", title: "get the image", run: getImage },
];

async function checkServer({ paths, driver }: JobContext): Promise<void> {
  await driver.waitUntilReady();
  const images = await driver.imageFolder();
  await requireSpaceFor([
    { folder: paths.directory, bytes: 0 },
    ...(images === undefined ? [] : [{ folder: images, bytes: 0 }]),
  ]);
}

async function placeTree(context: JobContext): Promise<void> {
  await unpackTree(context.paths, wantedRelease(context).commit, context.job.plan.archive);
}

/** Puts the tree of a commit from what was sent to where the instance's trees are, if it isn't there. */
export async function unpackTree(
  paths: InstancePaths,
  commit: string,
  archive: { sha256: string } | undefined,
): Promise<void> {
  const tree = join(paths.trees, commit);
  if (await nameExists(tree)) return;
  if (archive === undefined)
    throw new Error(`the tree of ${commit} is not on the server and was not sent`);
  const file = archivePath(paths.incoming, archive.sha256);
  if (!(await nameExists(file)))
    throw new Error(
      `the archive of ${commit} is not on the server: it was not sent, or was swept away. Send it again: pulumi up`,
    );
  if ((await sha256OfFile(file)) !== archive.sha256)
    throw new Error(`the archive of ${commit} arrived damaged`);

  const partial = `${tree}.partial`;
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial);
    await chmod(partial, 0o755);
    await command("unpack the release's tree", [
      ...["tar", "--extract", "--file", file, "--directory", partial],
      ...["--no-same-owner", "--preserve-permissions"],
    ]);
  } catch (error) {
    // A disk that is full because of it must not stay full.
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  await flush("the release's tree", partial);
  await rename(partial, tree);
  await syncDirectory(paths.trees);
  await removeDurably(file);
}

async function getImage(context: JobContext): Promise<Facts> {
  const { paths, job, driver, progress } = context;
  const release = wantedRelease(context);
  const tree = join(paths.trees, release.commit);
  await refuseBuildsElsewhere(paths, tree);
  const begun = performance.now();
  const { built, pulled } = await driver.getImages({
    release,
    tree,
    order: job.plan.images ?? { source: "build", references: [] },
    onLine: (line) => progress.detail("J3", line),
    tell: (text) => progress.tell("J3", text),
  });
  // A power cut must not leave layers that are listed and empty. Docker has not flushed an image that
  // the operator's side has sent either.
  await flush("the image");
  return {
    built,
    ...(pulled === undefined ? {} : { pulled }),
    milliseconds: Math.round(performance.now() - begun),
  };
}
