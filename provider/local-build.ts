/**
 * A release's images built by the operator's own Docker, for the server's processor, and sent. The
 * build gets the commit's tree and nothing else: no secrets, no variables of the configuration.
 */
import { execa } from "execa";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { cachePath } from "../common/cache.ts";
import { messageOf, UserError } from "../common/errors.ts";
import { imageFor, imagesToBuild } from "../release/compose-file.ts";
import { buildArguments } from "../updater/drivers/compose/build-arguments.ts";
import { imageName, readComposeFile } from "../updater/drivers/compose/image.ts";
import type { RemoteServer } from "./server/remote-server.ts";
import { dockerIdOf, loadImages } from "./server/server-transfers.ts";

const ASK_TIMEOUT = 30_000;
const BUILD_TIMEOUT = 3 * 3_600_000;
const SAVE_TIMEOUT = 2 * 3_600_000;

const WAY_OUT = "Mend it, or build on the server: pulumi config set buildOn server.";

/** The server's processor as Docker names it. */
export function platformOf(machine: string): string {
  return machine === "aarch64" ? "linux/arm64" : "linux/amd64";
}

/** Why this machine's Docker can't build for a platform; undefined where it can. */
export async function problemOfLocalDocker(platform: string): Promise<string | undefined> {
  const asked = "The image is to be built on this machine (buildOn is here)";
  try {
    await localDocker(["version", "--format", "{{.Server.Version}}"]);
  } catch (error) {
    return `${asked}, but Docker does not answer here: ${messageOf(error)}. ${WAY_OUT}`;
  }
  try {
    const platforms = platformsOf(await localDocker(["buildx", "inspect"]));
    if (platforms.includes(platform)) return undefined;
    return (
      `${asked}, but its Docker builds for ${platforms.join(", ") || "no known processor"} and the server ` +
      `needs ${platform}. Install emulation (package qemu-user-static, or docker run --privileged ` +
      "tonistiigi/binfmt), or build on the server: pulumi config set buildOn server."
    );
  } catch (error) {
    return `${asked}, but it has no working buildx: ${messageOf(error)}. ${WAY_OUT}`;
  }
}

/** The platforms that `docker buildx inspect` lists; variants such as `linux/amd64/v2` are left out. */
export function platformsOf(inspected: string): string[] {
  const line = /^Platforms:\s*(.+)$/m.exec(inspected)?.[1] ?? "";
  const names = line.split(",").map((name) => name.trim().replace(/\*$/, ""));
  return names.filter((name) => /^\w+\/\w+$/.test(name));
}

export interface LocalBuild {
  project: string;
  release: { name: string; commit: string };
  /** A tar of the commit's tree. */
  archive: string;
  /** Told what is done. */
  tell: (text: string) => void;
  /** Gets each line of the build. */
  onLine: (line: string) => void;
  signal: AbortSignal;
}

/**
 * Builds what the release's compose file builds and loads it on the server. What arrives counts only
 * by tag and label, which the prepare job checks: a transfer that breaks leaves nothing trusted.
 */
export async function buildHereAndSend(server: RemoteServer, build: LocalBuild): Promise<void> {
  const platform = platformOf((await server.facts()).machine);
  const problem = await problemOfLocalDocker(platform);
  if (problem !== undefined) throw new UserError(problem);
  const names = await buildAll(platform, build);
  // A Docker that is reached through DOCKER_HOST may be the server's own.
  const own = (await localDocker(["info", "--format", "{{.ID}}"])).trim();
  if (own !== "" && own === (await dockerIdOf(server))) return;
  build.tell(`sending the image of ${build.release.name} (${platform})`);
  await send(server, names, build.signal);
  // The build cache stays here; the images are the server's now.
  await localDocker(["image", "rm", ...names]).catch(() => undefined);
}

async function buildAll(platform: string, build: LocalBuild): Promise<string[]> {
  const { release, project, archive, tell, onLine, signal } = build;
  const parent = cachePath("builds");
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const tree = await mkdtemp(join(parent, `${release.commit.slice(0, 12)}-`));
  try {
    await execa("tar", ["--extract", "--file", archive, "--directory", tree], {
      timeout: 10 * 60_000,
    });
    const main = imageName(project, release.commit);
    const names: string[] = [];
    for (const wanted of imagesToBuild(await readComposeFile(tree))) {
      const name = imageFor(main, release.commit, wanted.service);
      tell(`building the image of service ${wanted.service} on this machine for ${platform}`);
      const argv = buildArguments({ name, commit: release.commit, tree, wanted, platform });
      await localDocker(argv, { timeout: BUILD_TIMEOUT, onLine, signal });
      names.push(name);
    }
    return names;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `The image of ${release.name} could not be built on this machine: ${messageOf(error)}. Nothing on ` +
        "the server was changed.",
    );
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function send(
  server: RemoteServer,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const save = execa("docker", ["save", ...names], {
    buffer: false,
    stdin: "ignore",
    timeout: SAVE_TIMEOUT,
    cancelSignal: signal,
  });
  const packed = createGzip({ level: 1 });
  // The end of the stream is passed on only when docker has ended well: a part is no image.
  save.stdout.pipe(packed, { end: false });
  const saved = Promise.all([save, finished(save.stdout)]).then(
    () => void packed.end(),
    (error: unknown) => {
      packed.destroy(new Error(`docker save failed: ${messageOf(error)}`));
    },
  );
  try {
    await loadImages(server, packed, signal);
  } finally {
    save.kill();
    await saved;
  }
}

interface LocalOptions {
  timeout?: number;
  onLine?: (line: string) => void;
  signal?: AbortSignal;
}

/** Runs this machine's docker client and gives its standard output. */
async function localDocker(
  args: readonly string[],
  { timeout = ASK_TIMEOUT, onLine, signal }: LocalOptions = {},
): Promise<string> {
  const running = execa("docker", args, {
    stdin: "ignore",
    timeout,
    all: true,
    reject: false,
    forceKillAfterDelay: 5_000,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (onLine !== undefined)
    for await (const line of running.iterable({ from: "all" })) onLine(String(line));
  const result = await running;
  if (result.exitCode === 0) return result.stdout;
  const tail = result.all.trim().split("\n").slice(-8).join("\n");
  const cause = result.timedOut
    ? `no end after ${timeout / 1_000} seconds`
    : result.exitCode === undefined
      ? `docker could not be run (${result.code ?? result.signal ?? "canceled"})`
      : `exit code ${result.exitCode}`;
  throw new Error(tail === "" ? cause : `${cause}: ${tail}`);
}
