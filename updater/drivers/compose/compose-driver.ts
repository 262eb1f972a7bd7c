import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { nameExists } from "../../files.ts";
import type { InstancePaths } from "../../paths.ts";
import type { ContainerFacts, DatabaseFacts, HealthAnswer } from "../../protocol.ts";
import { DATABASE_SERVICE, MAIN_SERVICE } from "../../../release/compose-file.ts";
import type {
  DatabasePlace,
  Driver,
  ImageChange,
  ImageFacts,
  ImageOptions,
  ImageResult,
  Look,
  RenderedRelease,
  ServiceFacts,
  StartOptions,
  StartResult,
} from "../driver.ts";
import { readDatabase } from "./data/database.ts";
import { findDatabase } from "./data/psql.ts";
import { databaseTools } from "./data/tools.ts";
import { placeDatabase } from "./database-place.ts";
import type { DatabaseTools } from "../database-tools.ts";
import {
  containersOf,
  docker,
  FILES_LABEL,
  findContainer,
  inspectContainers,
  inspectImage,
  inspectImages,
  listContainers,
  rawContainers,
  volumeMountpoint,
} from "./docker.ts";
import type { DiskUse } from "../../freeable.ts";
import { reclaimable } from "./disk-use.ts";
import { removeDoor } from "./door.ts";
import { probeWebVersion } from "./health.ts";
import { holdImage, letGoOfImages, nameImage } from "./held-images.ts";
import { proveImage } from "./image-damage.ts";
import { ownSecrets } from "./image-user.ts";
import { getImages, imageName, ownImages } from "./image.ts";
import { healthOf, look, originOf, servicesOf } from "./look.ts";
import { imageChanges } from "./other-images.ts";
import { overrideProblem } from "./override-problem.ts";
import { portOwner } from "./ports.ts";
import { ComposeProject, restartPolicyOf } from "./project.ts";
import { findServer, setRestart, STOP_SECONDS, stopServer } from "./server-container.ts";
import { removeLeftovers } from "./leftovers.ts";
import { logTail } from "./server-log.ts";
import { openDoor, startRelease } from "./start-release.ts";
import { startServices } from "./start-services.ts";

/** A daemon that is updated or restarted is back well before. */
const DAEMON_TIMEOUT = 5 * 60_000;

/** Runs Chatalot as upstream's compose file does. */
export class ComposeDriver implements Driver {
  readonly databaseTools: DatabaseTools;
  private readonly compose: ComposeProject;

  constructor(
    private readonly paths: InstancePaths,
    private readonly project: string,
  ) {
    this.compose = new ComposeProject(paths, project);
    this.databaseTools = databaseTools(project);
  }

  async waitUntilReady(): Promise<void> {
    const begun = performance.now();
    for (;;) {
      try {
        await docker("ask whether Docker answers", ["version", "--format", "{{.Server.Version}}"], {
          timeout: 20_000,
        });
        return;
      } catch (error) {
        if (performance.now() - begun > DAEMON_TIMEOUT) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    }
  }

  getImages(options: ImageOptions): Promise<ImageResult> {
    return getImages(this.project, options);
  }

  imageName(commit: string): string {
    return imageName(this.project, commit);
  }

  async image(name: string): Promise<ImageFacts | undefined> {
    return inspectImage(name);
  }

  async commitsWithImage(commits: readonly string[]): Promise<string[]> {
    const found = await inspectImages(commits.map((commit) => this.imageName(commit)));
    const named = new Map(
      found.flatMap(({ names, commit }) => names.map((name) => [name, commit] as const)),
    );
    return commits.filter((commit) => named.get(this.imageName(commit)) === commit);
  }

  async fetchOthers(release: RenderedRelease, onLine: (line: string) => void): Promise<void> {
    for (const image of await this.compose.images(release)) {
      if ((await inspectImage(image)) !== undefined) continue;
      await docker(`pull ${image}`, ["pull", "--", image], { timeout: 30 * 60_000, onLine });
    }
  }

  proveImage(name: string): Promise<void> {
    return proveImage(name);
  }

  async removeImages(commit: string): Promise<void> {
    // By their names: another project on this server may have made its own of the same commit.
    for (const name of await ownImages(this.project, {
      commit,
      tree: join(this.paths.trees, commit),
    }))
      // Without --force: an image that a container uses is kept by Docker.
      await docker("remove an old image", ["image", "rm", "--", name]).catch(() => undefined);
  }

  reclaimable(): Promise<DiskUse[]> {
    return reclaimable(this.project);
  }

  ownSecrets(release: RenderedRelease, image: string): Promise<void> {
    return ownSecrets(release, image);
  }

  portOwner(address: string, port: number): Promise<string | undefined> {
    return portOwner(this.project, address, port);
  }

  publishedPorts(release: RenderedRelease): Promise<{ address: string; port: number }[]> {
    return this.compose.publishedPorts(release);
  }

  wantedEnvironment(release: RenderedRelease): Promise<Record<string, string>> {
    return this.compose.serverEnvironment(release);
  }

  /** Compose's digest of each service that a release switches on. */
  configHashes(release: RenderedRelease): Promise<Map<string, string>> {
    return this.compose.configHashes(release);
  }

  async environment(): Promise<ReadonlyMap<string, string>> {
    const found = await findContainer(this.project, MAIN_SERVICE);
    return found?.environment ?? new Map<string, string>();
  }

  async services(): Promise<ServiceFacts[]> {
    return servicesOf(await listContainers(this.project));
  }

  async otherServices(release: RenderedRelease): Promise<string[]> {
    return this.compose.otherServices(release);
  }

  async removeLeftovers(release: RenderedRelease): Promise<string[]> {
    return removeLeftovers(this.project, await this.compose.otherServices(release));
  }

  /** Why Compose doesn't accept the operator's directory as it is, with the override in it. */
  overrideProblem(name: string): Promise<string | undefined> {
    return overrideProblem(this.paths, name);
  }

  server(): Promise<ContainerFacts | undefined> {
    return findServer(this.project);
  }

  stopServer(grace?: number): Promise<void> {
    return stopServer(this.project, grace);
  }

  start(release: RenderedRelease, options?: StartOptions): Promise<StartResult> {
    return startRelease({ compose: this.compose, releases: this.paths.releases }, release, options);
  }

  openDoor(release: RenderedRelease): Promise<void> {
    return openDoor(this.compose, release);
  }

  doorProblem(release: RenderedRelease): Promise<string | undefined> {
    return this.compose.doorProblem(release);
  }

  async restartPolicy(release: RenderedRelease): Promise<string> {
    return restartPolicyOf(release);
  }

  async setRestartPolicy(policy: string): Promise<void> {
    const server = await this.server();
    if (server !== undefined && server.restartPolicy !== policy)
      await setRestart(server.id, policy);
  }

  async remove(release: RenderedRelease | undefined): Promise<void> {
    if (release !== undefined && (await nameExists(release.directory)))
      await this.compose.down(release);
    // A first deployment that failed left containers that no committed release names.
    const left = await containersOf(this.project);
    if (left.length > 0) {
      await docker("stop the containers", ["stop", "-t", String(STOP_SECONDS), ...left]);
      await docker("remove the containers", ["rm", ...left]);
    }
    await removeDoor(this.project);
  }

  look(): Promise<Look> {
    return look(this.project);
  }

  async health(): Promise<HealthAnswer> {
    return healthOf(await this.server());
  }

  async webVersion(): Promise<string | undefined> {
    const origin = originOf(await this.server());
    return origin === undefined ? undefined : probeWebVersion(origin);
  }

  async database(): Promise<DatabaseFacts | undefined> {
    return readDatabase(await findDatabase(this.project));
  }

  async startDatabase(
    release: RenderedRelease,
    options: { isMadeAnew?: boolean } = {},
  ): Promise<void> {
    await startServices(this.compose, release, [DATABASE_SERVICE], options);
  }

  imageChanges(release: RenderedRelease): Promise<ImageChange[]> {
    return imageChanges(this.compose, release);
  }

  holdImage(id: string): Promise<void> {
    return holdImage(this.project, id);
  }

  nameImage(id: string, reference: string): Promise<boolean> {
    return nameImage(id, reference);
  }

  async letGoOfImages(): Promise<void> {
    await letGoOfImages(this.project, async () => (await this.server())?.imageId);
  }

  placeDatabase(release: RenderedRelease): Promise<DatabasePlace> {
    return placeDatabase(this.compose, release);
  }

  async containers(services: readonly string[]): Promise<Map<string, ContainerFacts>> {
    if (services.length === 0) return new Map();
    const listed = (await listContainers(this.project)).filter(({ service }) =>
      services.includes(service),
    );
    const found = await inspectContainers(listed.map(({ id }) => id));
    return new Map(
      listed.flatMap(({ id, service }) => {
        const facts = found.find((container) => container.facts.id === id)?.facts;
        return facts === undefined ? [] : [[service, facts] as const];
      }),
    );
  }

  async databaseRuns(): Promise<boolean> {
    return (await findContainer(this.project, DATABASE_SERVICE))?.facts.running === true;
  }

  async makeVolume(volume: string): Promise<void> {
    await docker("make a volume", ["volume", "create", "--", volume]);
  }

  async volumeFolder(volume: string): Promise<string | undefined> {
    return volumeMountpoint(volume);
  }

  async imageFolder(): Promise<string | undefined> {
    const folder = await docker("ask Docker for its folder", [
      ...["info", "--format", "{{.DockerRootDir}}"],
    ]);
    return folder !== "" && (await nameExists(folder)) ? folder : undefined;
  }

  async databaseVolumeIsEmpty(volume: string): Promise<boolean | undefined> {
    const path = await volumeMountpoint(volume);
    if (path === undefined) return undefined;
    return (await readdir(path)).length === 0;
  }

  async logTail(lines: number): Promise<string[]> {
    const server = await this.server();
    return server === undefined ? [] : logTail(server, this.paths, lines);
  }

  async usedPaths(): Promise<string[]> {
    const containers = await rawContainers(await containersOf(this.project));
    return containers.flatMap(({ Mounts, Config }) => [
      ...Mounts.flatMap(({ Type, Source }) => (Type === "bind" ? [Source] : [])),
      ...(Config.Labels?.[FILES_LABEL] ?? "").split(",").filter((file) => file !== ""),
    ]);
  }
}
