/** The job that gets a release ready while the old one serves: J1 to J3. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { archivePath } from "../archive-path.ts";
import { command } from "../command.ts";
import { nameExists, removeDurably, syncDirectory } from "../files.ts";
import { requireSpace } from "./space.ts";
import { type JobContext, type Step, wantedRelease } from "./step.ts";

/** Flushing a slow disk that others write to as well. */
const FLUSH_TIMEOUT = 10 * 60_000;

export const PREPARE_STEPS: readonly Step[] = [
  { id: "J1", title: "check the server", run: checkServer },
  { id: "J2", title: "put the release's tree on the server", run: placeTree },
  { id: "J3", title: "build the image", run: buildImage },
];

async function checkServer({ paths, driver }: JobContext): Promise<void> {
  await driver.waitUntilReady();
  await requireSpace(paths.directory);
}

async function placeTree(context: JobContext): Promise<void> {
  const { paths, job } = context;
  const { commit } = wantedRelease(context);
  const tree = join(paths.trees, commit);
  if (await nameExists(tree)) return;
  const { archive } = job.plan;
  if (archive === undefined)
    throw new Error(`the tree of ${commit} is not on the server and was not sent`);
  const file = archivePath(paths.incoming, archive.sha256);
  const digest = createHash("sha256");
  await pipeline(createReadStream(file), digest);
  if (digest.digest("hex") !== archive.sha256)
    throw new Error(`the archive of ${commit} arrived damaged`);

  const partial = `${tree}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial);
  await chmod(partial, 0o755);
  await command("unpack the release's tree", [
    ...["tar", "--extract", "--file", file, "--directory", partial],
    ...["--no-same-owner", "--preserve-permissions"],
  ]);
  await command("flush the release's tree", ["sync", "--file-system", partial], {
    timeout: FLUSH_TIMEOUT,
  });
  await rename(partial, tree);
  await syncDirectory(paths.trees);
  await removeDurably(file);
}

async function buildImage(context: JobContext): Promise<{ built: string[]; milliseconds: number }> {
  const { paths, driver, progress } = context;
  const release = wantedRelease(context);
  const begun = performance.now();
  const { built } = await driver.build({
    release,
    tree: join(paths.trees, release.commit),
    onLine: (line) => progress.detail("J3", line),
  });
  // A power cut must not leave layers that are listed and empty (they survive a new build).
  if (built.length > 0) await command("flush the image", ["sync"], { timeout: FLUSH_TIMEOUT });
  return { built, milliseconds: Math.round(performance.now() - begun) };
}
