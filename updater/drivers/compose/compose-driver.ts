import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../common/errors.ts";
import { CommandError } from "../../command.ts";
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
import { createContainers } from "./create-containers.ts";
import { readDatabase } from "./data/database.ts";
import { findDatabase } from "./data/psql.ts";
import { databaseTools } from "./data/tools.ts";
import { placeDatabase } from "./database-place.ts";
import type { DatabaseTools } from "../database-tools.ts";
import {
  containersOf,
  docker,
  endOf,
  FILES_LABEL,
  inspectContainer,
  inspectContainers,
  inspectImage,
  inspectImages,
  isUnfinished,
  listContainers,
  rawContainers,
  volumeMountpoint,
} from "./docker.ts";
import type { DiskUse } from "../../freeable.ts";
import { reclaimable } from "./disk-use.ts";
import { closeDoor, hasDoor, isBehindDoor, joinNetworks, removeDoor } from "./door.ts";
import { probeWebVersion } from "./health.ts";
import { holdImage, letGoOfImages, nameImage } from "./held-images.ts";
import { proveImage } from "./image-damage.ts";
import { ownSecrets } from "./image-user.ts";
import { getImages, imageName, ownImages } from "./image.ts";
import { healthOf, look, originOf, servicesOf } from "./look.ts";
import { imageChanges } from "./other-images.ts";
import { portOwner } from "./ports.ts";
import { ComposeProject, restartPolicyOf } from "./project.ts";
import { logTail } from "./server-log.ts";
import { isDatabaseRedefined, startOrder, startServices } from "./start-services.ts";

/** A daemon that is updated or restarted is back well before. */
const DAEMON_TIMEOUT = 5 * 60_000;

/** Chatalot ends within 0.2 s (measured); one that hangs is killed after this. */
const STOP_SECONDS = 30;

/** For a server without migrations to come: it answers after 0.1 s (measured). */
const ANSWER_TIMEOUT = 20_000;

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

  async publishedPorts(release: RenderedRelease): Promise<{ address: string; port: number }[]> {
    const { ports = [] } = await this.compose.definition(release, MAIN_SERVICE);
    return ports
      .filter(({ published, protocol }) => /^\d+$/.test(published ?? "") && protocol !== "udp")
      .map(({ host_ip, published }) => ({
        address: host_ip ?? "0.0.0.0",
        port: Number(published),
      }));
  }

  async wantedEnvironment(release: RenderedRelease): Promise<Record<string, string>> {
    const { environment = {} } = await this.compose.definition(release, MAIN_SERVICE);
    return Object.fromEntries(
      Object.entries(environment)
        .filter((entry): entry is [string, string] => entry[1] !== null)
        // Compose prints its answer as a compose file, in which a dollar sign is doubled.
        .map(([name, value]) => [name, value.replaceAll("$$", "$")]),
    );
  }

  /** Compose's digest of each service that a release switches on. */
  configHashes(release: RenderedRelease): Promise<Map<string, string>> {
    return this.compose.configHashes(release);
  }

  async environment(): Promise<ReadonlyMap<string, string>> {
    const [id] = await containersOf(this.project, MAIN_SERVICE);
    const found = id === undefined ? undefined : await inspectContainer(id);
    return found?.environment ?? new Map<string, string>();
  }

  async services(): Promise<ServiceFacts[]> {
    return servicesOf(await listContainers(this.project));
  }

  async otherServices(release: RenderedRelease): Promise<string[]> {
    return this.compose.otherServices(release);
  }

  async removeLeftovers(release: RenderedRelease): Promise<string[]> {
    const wanted = new Set(await this.compose.otherServices(release));
    const removed: string[] = [];
    for (const service of new Set((await this.services()).map((facts) => facts.service))) {
      if (wanted.has(service)) continue;
      const ids = await containersOf(this.project, service);
      await docker("stop a service", ["stop", "-t", String(STOP_SECONDS), ...ids]);
      await docker("remove a service", ["rm", ...ids]);
      removed.push(service);
    }
    return removed;
  }

  /** Why Compose doesn't accept the operator's directory as it is, with the override in it. */
  async overrideProblem(name: string): Promise<string | undefined> {
    if (!(await nameExists(this.paths.composeFile))) return undefined;
    try {
      await docker("check the override", [
        ...["compose", "--project-directory", this.paths.directory],
        ...["--file", this.paths.composeFile, "--file", join(this.paths.directory, name)],
        ...["config", "--quiet"],
      ]);
      return undefined;
    } catch (error) {
      if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
      return error.stderr.trim().split("\n").at(-1) ?? "Compose refuses it";
    }
  }

  async server(): Promise<ContainerFacts | undefined> {
    const [id] = await containersOf(this.project, MAIN_SERVICE);
    return id === undefined ? undefined : (await inspectContainer(id))?.facts;
  }

  async stopServer(grace = STOP_SECONDS): Promise<void> {
    const server = await this.server();
    if (server === undefined) return;
    // Before the stop: a server that stopped must not come back at boot by itself from here on.
    await this.update(server.id, "no");
    await docker("stop the server", ["stop", "-t", String(grace), server.id], {
      timeout: (grace + 30) * 1_000,
    });
  }

  async start(
    release: RenderedRelease,
    { door = "open", isImpatient = false, mustServe = false, tell }: StartOptions = {},
  ): Promise<StartResult> {
    await this.removeUnfinished();
    const [others, needed, old, before, isLeft] = await Promise.all([
      this.compose.otherServices(release),
      this.compose.dependencies(release, MAIN_SERVICE),
      this.server(),
      this.services(),
      hasDoor(this.project),
      this.removeUnstartable(),
    ]);
    const begun = Date.now();
    const notMade = await createContainers(this.compose, release, {
      ...{ stopSeconds: STOP_SECONDS, others, mustServe },
    });
    for (const [service, cause] of notMade) tell?.(`${service} is not made as it was: ${cause}`);
    const containers = await listContainers(this.project);
    const server = containers.find(({ service }) => service === MAIN_SERVICE);
    if (server === undefined)
      throw new Error(`create the containers: Compose made none for service "${MAIN_SERVICE}"`);
    await this.update(server.id, "no");
    const running = new Set(
      containers.filter(({ state }) => state === "running").map(({ service }) => service),
    );
    const stopped = others.filter((service) => !running.has(service) && !notMade.has(service));
    const order = startOrder(stopped, { needed, before, mustServe });
    const ifNotStarted = (service: string, error: unknown): void => {
      if (!order.mayLack(service)) throw error;
      tell?.(`${service} does not run: ${messageOf(error)}`);
    };
    await startServices(this.compose, release, order.first, {
      // On the way back patience is all there is: a disk may be full, or a crash has to be recovered from.
      isImpatient: isImpatient || (!mustServe && isDatabaseRedefined(before, containers)),
      ifNotStarted,
    });
    // Compose leaves one that it did not make anew where a closed door had put it.
    if (old?.id === server.id) await this.bringBack(server.id, release);
    if (door === "closed") await this.closeDoor(server.id, needed);
    await docker("start the server", ["start", server.id]);
    await startServices(this.compose, release, order.later, { ifNotStarted });
    if (door === "open" && isLeft)
      await removeDoor(this.project).catch((error: unknown) => tell?.(messageOf(error)));
    const isReplaced = old?.running === true && old.id !== server.id;
    const stoppedAt = isReplaced ? await endOf(old.id, begun) : undefined;
    return stoppedAt === undefined ? {} : { stoppedAt };
  }

  async openDoor(release: RenderedRelease): Promise<void> {
    const server = await this.server();
    if (server?.running !== true || !(await isBehindDoor(this.project, server.id))) {
      await this.bringBack(server?.id, release);
      return;
    }
    // First of all, so that what can't be done leaves it running.
    await joinNetworks(server.id, await this.compose.serverNetworks(release));
    // Its connections to the database go through the network that is removed, and would hang for minutes.
    await this.stopServer();
    await this.bringBack(server.id, release);
    await docker("start the server", ["start", server.id]);
    await this.waitForAnswer();
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
      await this.update(server.id, policy);
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
    const server = await this.server();
    if (server !== undefined) await letGoOfImages(this.project, server.imageId);
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
    const [id] = await containersOf(this.project, DATABASE_SERVICE);
    return id !== undefined && (await inspectContainer(id))?.facts.running === true;
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

  private async closeDoor(server: string, needed: ReadonlySet<string>): Promise<void> {
    const containers = await listContainers(this.project);
    const isNeeded = (service: string): boolean =>
      service === DATABASE_SERVICE || needed.has(service);
    await closeDoor(
      this.project,
      server,
      containers.filter(({ service }) => isNeeded(service)),
    );
  }

  /** It was proven before. One that does not answer now is seen by whoever looks at it next. */
  private async waitForAnswer(): Promise<void> {
    const begun = performance.now();
    while (performance.now() - begun < ANSWER_TIMEOUT && !(await this.health()).reachable)
      await new Promise((resolve) => setTimeout(resolve, 100));
  }

  /** From behind a closed door into the networks of its definition. */
  private async bringBack(server: string | undefined, release: RenderedRelease): Promise<void> {
    if (server !== undefined)
      await joinNetworks(server, await this.compose.serverNetworks(release));
    await removeDoor(this.project);
  }

  private async update(id: string, policy: string): Promise<void> {
    await docker("set the restart policy", ["update", "--restart", policy, id]);
  }

  /**
   * A stopped container never starts again that lacks a file of ours which it mounts. To Compose it is as it
   * should be: the place of such a file is no part of the digest of a definition (measured).
   */
  private async removeUnstartable(): Promise<void> {
    for (const { Id, State, Mounts } of await rawContainers(await containersOf(this.project))) {
      const own = Mounts.filter(({ Source }) => Source.startsWith(`${this.paths.releases}/`));
      const isThere = await Promise.all(own.map(({ Source }) => nameExists(Source)));
      if (!State.Running && isThere.includes(false))
        await docker("remove a container whose files are gone", ["rm", Id]);
    }
  }

  /** Compose, interrupted, leaves what it had not finished; its next run would trip over that. */
  private async removeUnfinished(): Promise<void> {
    const unfinished = (await listContainers(this.project)).filter(isUnfinished);
    if (unfinished.length === 0) return;
    await docker("remove containers that were never started", [
      ...["rm", ...unfinished.map(({ id }) => id)],
    ]);
  }
}
