/** What an instance uses of its server's disk: slow to measure, so only on demand. */
import { statfs } from "node:fs/promises";
import { command } from "./command.ts";
import { docker, volumeMountpoint } from "./drivers/compose/docker.ts";
import type { InstancePaths } from "./paths.ts";
import type { DiskUsage } from "./protocol.ts";

/** Millions of uploads are counted in less; what takes longer is left out. */
const TIMEOUT = 30_000;

export async function diskUsage(
  paths: InstancePaths,
  project: string,
  volumes: readonly string[],
): Promise<DiskUsage> {
  const [free, trees, releases, images, ...sizes] = await Promise.all([
    statfs(paths.directory).then(({ bavail, bsize }) => bavail * bsize, unknown),
    sizeOf(paths.trees).catch(unknown),
    sizeOf(paths.releases).catch(unknown),
    imagesSize(project).catch(unknown),
    ...volumes.map((volume) => volumeSize(volume).catch(unknown)),
  ]);
  return {
    ...(free === undefined ? {} : { free }),
    ...(trees === undefined ? {} : { trees }),
    ...(releases === undefined ? {} : { releases }),
    ...(images === undefined ? {} : { images }),
    volumes: Object.fromEntries(
      volumes.flatMap((volume, index) => {
        const size = sizes[index];
        return size === undefined ? [] : [[volume, size]];
      }),
    ),
  };
}

function unknown(): undefined {
  return undefined;
}

async function sizeOf(path: string): Promise<number> {
  const output = await command("measure a folder", ["du", "--summarize", "--bytes", path], {
    timeout: TIMEOUT,
  });
  return Number(output.split("\t")[0]);
}

async function imagesSize(project: string): Promise<number> {
  const ids = await docker("list the images of the releases", [
    ...["images", "--quiet", "--filter", `reference=chatalot-deploy/${project}`],
  ]);
  const unique = [...new Set(ids.split("\n").filter((id) => id !== ""))];
  if (unique.length === 0) return 0;
  const sizes = await docker("measure the images", [
    ...["image", "inspect", "--format", "{{.Size}}", "--", ...unique],
  ]);
  return sizes.split("\n").reduce((sum, size) => sum + Number(size), 0);
}

async function volumeSize(volume: string): Promise<number | undefined> {
  const mountpoint = await volumeMountpoint(volume);
  return mountpoint === undefined ? undefined : sizeOf(mountpoint);
}
