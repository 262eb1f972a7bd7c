/**
 * The memory limit of a build. Docker's own builder takes none (`docker buildx build` has no such
 * option, and a limit on the client limits only the client), but it runs every step under the control
 * group that it is named, and that one can have a limit. Measured with control groups version 1 and
 * Docker's cgroupfs driver; BuildKit in Docker makes its groups by cgroupfs with either driver.
 */
import { randomUUID } from "node:crypto";
import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeBytes } from "../../../common/size.ts";
import { messageOf } from "../../../common/errors.ts";

const ROOT = "/sys/fs/cgroup";
const PREFIX = "chatalot-deploy-build-";

/** @returns the group, as Docker is told it: `/chatalot-deploy-build-…` */
export async function makeBuildGroup(memoryBytes: number): Promise<string> {
  const name = `${PREFIX}${randomUUID()}`;
  try {
    const { root, limit } = await memoryController();
    await mkdir(join(root, name));
    await writeFile(join(root, name, limit), String(memoryBytes));
  } catch (error) {
    await endBuildGroup(`/${name}`);
    throw new Error(
      `the build's memory can't be limited on this server: ${messageOf(error)}. Take the limit away: ` +
        "pulumi config rm --path build.memory",
      { cause: error },
    );
  }
  return `/${name}`;
}

/** Removes the group and what Docker made in it. What is still in use stays until the next boot. */
export async function endBuildGroup(group: string): Promise<void> {
  const { root } = await memoryController();
  const remove = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await remove(join(path, entry.name));
    await rmdir(path).catch(() => undefined);
  };
  await remove(join(root, group));
}

/** Version 2 has one tree, version 1 one for each resource. */
async function memoryController(): Promise<{ root: string; limit: string }> {
  const isUnified = await access(join(ROOT, "cgroup.controllers")).then(
    () => true,
    () => false,
  );
  return isUnified
    ? { root: ROOT, limit: "memory.max" }
    : { root: join(ROOT, "memory"), limit: "memory.limit_in_bytes" };
}

/**
 * Whether the group has come up against its limit. With version 1 that alone ends nothing (files in
 * memory are given up first), but no counter there tells of a program that was ended in a subgroup.
 */
export async function metItsLimit(group: string): Promise<boolean> {
  const { root, limit } = await memoryController();
  const file = limit === "memory.max" ? "memory.events" : "memory.failcnt";
  const text = await readFile(join(root, group, file), "utf8").catch(() => "");
  return file === "memory.events" ? /^oom_kill [1-9]/m.test(text) : Number(text) > 0;
}

/** Whether a line of a build tells of a program that the kernel ended for want of memory. */
export function isMemoryFailure(line: string): boolean {
  return /exit code: 137\b|\bOOM-killed\b|\bsignal: 9\b|\bSIGKILL\b|cannot allocate memory/i.test(
    line,
  );
}

/** The build's error with its cause and the ways out. */
export function memoryError(
  error: unknown,
  memoryBytes: number | undefined,
  wasKilled = true,
): Error {
  const what = wasKilled
    ? "the build was ended for want of memory"
    : "the build failed after it had met its memory limit";
  const limit =
    memoryBytes === undefined
      ? "The server has too little."
      : `Its limit (build.memory) is ${describeBytes(memoryBytes)}.`;
  const raise = memoryBytes === undefined ? "" : ", or raise build.memory";
  return new Error(
    `${what}. ${limit} Build elsewhere: pulumi config set buildOn here; ` +
      `take the published image: pulumi config set image auto${raise}.\n${messageOf(error)}`,
    { cause: error },
  );
}
