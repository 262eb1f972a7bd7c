import { FakeDatabaseTools } from "./fake-database-tools.ts";
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
} from "../../updater/drivers/driver.ts";
import type { DiskUse } from "../../updater/freeable.ts";
import type {
  AppliedMigration,
  ContainerFacts,
  DatabaseIdentity,
  HealthAnswer,
} from "../../updater/protocol.ts";

interface Database {
  identity: DatabaseIdentity;
  applied: AppliedMigration[];
  postgresMajor?: number;
}

/** A server that is what a test makes it, and that remembers what was asked of it. */
export class FakeDriver implements Driver {
  /** Calls that change something, in order. */
  readonly calls: string[] = [];
  /** Where the files of every volume lie. */
  volume: string | undefined;
  readonly databaseTools = new FakeDatabaseTools(this.calls);
  /** What starting a server says of the one that it replaced. */
  replaced: StartResult = {};
  /** What is wrong with a service beside the server that ran before; undefined: nothing. */
  sideFault: string | undefined;
  current: ContainerFacts | undefined;
  images = new Map<string, ImageFacts>();
  healthAnswer: HealthAnswer = { reachable: false, problem: "nothing listens yet" };
  currentDatabase: Database | undefined;
  isDatabaseRunning = false;
  /** What answers once a stopped database was started. */
  databaseInVolume: Database | undefined;
  volumeIsEmpty: boolean | undefined = false;
  port: string | undefined;
  web: string | undefined;
  log: string[] = [];
  /** Names of calls that fail. */
  readonly broken = new Set<string>();
  /** Called before each reading of the container, to change what will be read. */
  onLook: () => void = () => undefined;

  ports: { address: string; port: number }[] = [];
  wanted: Record<string, string> = {};
  variables = new Map<string, string>();
  others: ServiceFacts[] = [];
  leftovers: string[] = [];

  async publishedPorts(): Promise<{ address: string; port: number }[]> {
    if (this.broken.has("publishedPorts")) throw new Error("publishedPorts is broken");
    return this.ports;
  }
  async wantedEnvironment(): Promise<Record<string, string>> {
    return this.wanted;
  }
  async environment(): Promise<ReadonlyMap<string, string>> {
    return this.variables;
  }
  async look(): Promise<Look> {
    const [server, health, database] = await Promise.all([
      this.server(),
      this.health(),
      this.database(),
    ]);
    const { isDatabaseRunning: databaseRuns, others: services } = this;
    return { server, health, database, databaseRuns, services };
  }
  async commitsWithImage(commits: readonly string[]): Promise<string[]> {
    return commits.filter((commit) => this.images.get(this.imageName(commit))?.commit === commit);
  }
  async services(): Promise<ServiceFacts[]> {
    return this.others;
  }
  async otherServices(): Promise<string[]> {
    return this.others.map(({ service }) => service);
  }
  async removeLeftovers(): Promise<string[]> {
    if (this.leftovers.length > 0) this.did("removeLeftovers");
    return this.leftovers.splice(0);
  }
  async waitUntilReady(): Promise<void> {}
  /** What containers mount. */
  used: string[] = [];
  async usedPaths(): Promise<string[]> {
    return this.used;
  }
  async removeImages(commit: string): Promise<void> {
    this.did("removeImages", commit);
  }
  /** What could be given back to the disk. */
  freeable: DiskUse[] = [];
  async reclaimable(): Promise<DiskUse[]> {
    return this.freeable;
  }
  async startDatabase(
    { directory }: RenderedRelease,
    { isMadeAnew = false }: { isMadeAnew?: boolean } = {},
  ): Promise<void> {
    this.did("startDatabase", directory, ...(isMadeAnew ? ["made anew"] : []));
    this.currentDatabase = this.databaseInVolume;
  }
  /** The services that would get another image. */
  otherImages: ImageChange[] = [];
  async imageChanges(): Promise<ImageChange[]> {
    return this.otherImages;
  }
  /** What tags name that have moved, by tag. */
  readonly tags = new Map<string, string>();
  isHolding = false;
  async holdImage(id: string): Promise<void> {
    this.isHolding = true;
    this.did("holdImage", id);
  }
  async nameImage(id: string, reference: string): Promise<boolean> {
    if ((this.tags.get(reference) ?? id) === id) return false;
    this.did("nameImage", id, reference);
    this.tags.set(reference, id);
    return true;
  }
  async letGoOfImages(): Promise<void> {
    if (this.isHolding) this.did("letGoOfImages");
    this.isHolding = false;
  }
  /** Where the database's image has its data. */
  place: DatabasePlace = {
    ...{
      image: "postgres:18",
      imageId: "sha256:new",
      major: 18,
      target: "/var/lib/postgresql",
      environment: {},
    },
  };
  async placeDatabase(): Promise<DatabasePlace> {
    this.did("placeDatabase");
    return this.place;
  }
  /** The containers of services beside the server. */
  side = new Map<string, ContainerFacts>();
  async containers(services: readonly string[]): Promise<Map<string, ContainerFacts>> {
    return new Map([...this.side].filter(([service]) => services.includes(service)));
  }
  async databaseRuns(): Promise<boolean> {
    return this.isDatabaseRunning;
  }
  async getImages({ order }: ImageOptions): Promise<ImageResult> {
    this.did(order.source);
    return { built: [] };
  }
  imageName(commit: string): string {
    return `chatalot:${commit}`;
  }
  async image(name: string): Promise<ImageFacts | undefined> {
    return this.images.get(name);
  }
  async fetchOthers(): Promise<void> {
    this.did("fetchOthers");
  }
  async proveImage(): Promise<void> {
    this.did("proveImage");
  }
  async ownSecrets(): Promise<void> {
    this.did("ownSecrets");
  }
  async portOwner(): Promise<string | undefined> {
    return this.port;
  }
  async server(): Promise<ContainerFacts | undefined> {
    this.onLook();
    return this.current;
  }
  async stopServer(grace?: number): Promise<void> {
    this.did(grace === undefined ? "stopServer" : `stopServer within ${grace} s`);
    if (this.current !== undefined)
      this.current = { ...this.current, running: false, status: "exited" };
  }
  async start(
    { directory, profiles }: RenderedRelease,
    { door = "open", mustServe = false, tell }: StartOptions = {},
  ): Promise<StartResult> {
    const closed = door === "closed" ? ["behind a closed door"] : [];
    this.did("start", directory, ...profiles, ...closed);
    if (this.sideFault !== undefined && !mustServe) throw new Error(this.sideFault);
    if (this.sideFault !== undefined) tell?.(this.sideFault);
    return this.replaced;
  }
  async openDoor(): Promise<void> {
    this.did("openDoor");
  }
  /** Why users can't be kept out; undefined: they can. */
  doorless: string | undefined;
  async doorProblem(): Promise<string | undefined> {
    return this.doorless;
  }
  async restartPolicy(): Promise<string> {
    return "unless-stopped";
  }
  async setRestartPolicy(policy: string): Promise<void> {
    this.did("setRestartPolicy", policy);
  }
  async remove(rendered: RenderedRelease | undefined): Promise<void> {
    this.did("remove", rendered?.directory ?? "whatever is there");
  }
  async health(): Promise<HealthAnswer> {
    return this.healthAnswer;
  }
  async webVersion(): Promise<string | undefined> {
    return this.web;
  }
  async database(): Promise<Database | undefined> {
    return this.currentDatabase;
  }
  async makeVolume(): Promise<void> {}

  async volumeFolder(): Promise<string | undefined> {
    return this.volume;
  }
  /** Where images lie. */
  imagesIn: string | undefined;
  async imageFolder(): Promise<string | undefined> {
    return this.imagesIn;
  }
  async databaseVolumeIsEmpty(): Promise<boolean | undefined> {
    return this.volumeIsEmpty;
  }
  async logTail(): Promise<string[]> {
    return this.log;
  }

  private did(name: string, ...details: string[]): void {
    this.calls.push([name, ...details].join(" "));
    if (this.broken.has(name)) throw new Error(`${name} is broken`);
  }
}

/** The container of a server that runs from its own image. */
export function container(commit: string, values: Partial<ContainerFacts> = {}): ContainerFacts {
  return {
    id: `container of ${commit.slice(0, 4)}`,
    name: "chatalot-server",
    running: true,
    status: "running",
    startedAt: "2024-01-01T00:00:00Z",
    restartCount: 0,
    restartPolicy: "no",
    exitCode: 0,
    outOfMemory: false,
    imageId: `sha256:${commit}`,
    commit,
    composeConfigHash: "c0ffee",
    ...values,
  };
}

/** What a good server answers. */
export function healthy(values: Partial<HealthAnswer> = {}): HealthAnswer {
  return {
    reachable: true,
    httpStatus: 200,
    status: "ok",
    version: "0.17.0",
    databaseHealthy: true,
    uptimeSeconds: 1,
    ...values,
  };
}
