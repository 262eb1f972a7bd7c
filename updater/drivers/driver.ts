import type {
  ContainerFacts,
  DatabaseFacts,
  HealthAnswer,
  ImageOrder,
  ReleaseIdentity,
} from "../protocol.ts";
import type { DiskUse } from "../freeable.ts";
import type { DatabaseTools } from "./database-tools.ts";

/** A rendered release on the server's disk, ready to be started. */
export interface RenderedRelease {
  /** Absolute path of the folder with the compose file, `.env` and keys. */
  directory: string;
  /** The optional services that are switched on. */
  profiles: readonly string[];
}

/** The image that a commit's server runs from. */
export interface ImageFacts {
  id: string;
  /** The commit in the image's label. */
  commit?: string;
}

/** A container beside the server. */
export interface ServiceFacts {
  service: string;
  /** Docker's word: `running`, `exited`. */
  state: string;
  isUnhealthy: boolean;
  /** Compose's digest of its definition. */
  configHash: string;
}

/** What a service beside the server runs from. */
export interface SideImage {
  /** The name by which its container is made. */
  reference: string;
  /** Absent: it is not on the server. */
  id?: string;
  /** The major version of PostgreSQL whose data it reads, where it says one. */
  postgresMajor?: string;
}

/** A service whose container is made anew, because it gets another image, or another name of it. */
export interface ImageChange {
  service: string;
  from: SideImage;
  to: SideImage;
  /** Its container does not run: it has done its work, or failed. Absent: it runs. */
  isStopped?: true;
}

/** What the database of a release runs from, and where it has its data. */
export interface DatabasePlace {
  /** The name by which its container is made. */
  image: string;
  imageId: string;
  /** Of PostgreSQL. */
  major: number;
  /** Where the volume is mounted in its container. */
  target: string;
  /** Variables that a new data directory is made by; none of them is secret. */
  environment: Record<string, string>;
}

export interface ImageOptions {
  release: ReleaseIdentity;
  /** Absolute path of the commit's tree. */
  tree: string;
  /** Where the images come from. */
  order: ImageOrder;
  /** Gets each line of a build or a download. */
  onLine: (line: string) => void;
  /** Gets what the operator should know afterwards as well. */
  tell: (text: string) => void;
}

export interface ImageResult {
  /** The names of the images that were built here. */
  built: string[];
  /** The reference from which the server's image was pulled. */
  pulled?: string;
}

export interface StartOptions {
  /**
   * Whether users can reach the server. Behind a closed door nothing can be written to a database
   * that may have to be taken back.
   *
   * @default "open"
   */
  door?: "open" | "closed";
  /** Gives up a database that ends again and again. @default false */
  isImpatient?: boolean;
  /**
   * The chat has to come back: nothing beside the server but its database keeps it from being started.
   *
   * @default false: a service does that ran before, that is new, or that the server depends on
   */
  mustServe?: boolean;
  /** Gets what is not as it should be and does not keep the server from being started. */
  tell?: (text: string) => void;
}

/** What runs, and how it answers. */
export interface Look {
  server: ContainerFacts | undefined;
  health: HealthAnswer;
  /** Undefined without an answer. */
  database: DatabaseFacts | undefined;
  /** Whether its container runs. */
  databaseRuns: boolean;
  /** The containers beside the server, running or not. */
  services: ServiceFacts[];
}

export interface StartResult {
  /** When the server that was replaced ended, in milliseconds since the epoch; absent: none ran. */
  stoppedAt?: number;
}

/**
 * One way of running Chatalot on a server. The steps of an update are written against this; they
 * know nothing of containers.
 */
export interface Driver {
  /** What is done with the database as a whole. */
  readonly databaseTools: DatabaseTools;
  /** Waits until containers can be worked with: a daemon that restarts is away for a while. */
  waitUntilReady(): Promise<void>;
  /** Gets what the commit runs from, or finds it there. Touches nothing that runs. */
  getImages(options: ImageOptions): Promise<ImageResult>;
  /** The name of what a commit runs from. */
  imageName(commit: string): string;
  /** What a name stands for now. */
  image(name: string): Promise<ImageFacts | undefined>;
  /** Which of these commits have what they run from. */
  commitsWithImage(commits: readonly string[]): Promise<string[]>;
  /** Gets what the other services run from, so that nothing is downloaded after the stop. */
  fetchOthers(release: RenderedRelease, onLine: (line: string) => void): Promise<void>;
  /**
   * Has all images on the disk, and reads this one whole. One that is listed and damaged is removed, and
   * the call fails.
   */
  proveImage(name: string): Promise<void>;
  /** Makes the keys readable for the user that the server runs as, and for no other. */
  ownSecrets(release: RenderedRelease, image: string): Promise<void>;
  /** Removes a commit's images, except those that a container uses. */
  removeImages(commit: string): Promise<void>;
  /** Files and folders of the server that containers of the project mount, or were made from. */
  usedPaths(): Promise<string[]>;
  /** What can be given back to the disk; what can't be found out is left out. */
  reclaimable(): Promise<DiskUse[]>;
  /** What the address and port are taken by, where that is not Chatalot itself. */
  portOwner(address: string, port: number): Promise<string | undefined>;

  /** The ports of the host that the release's server publishes, the operator's included. */
  publishedPorts(release: RenderedRelease): Promise<{ address: string; port: number }[]>;
  /** The variables that the release gives to its server, the operator's override included. */
  wantedEnvironment(release: RenderedRelease): Promise<Record<string, string>>;
  /** The variables of the server as it runs now. */
  environment(): Promise<ReadonlyMap<string, string>>;
  /** The containers beside the server, running or not. */
  services(): Promise<ServiceFacts[]>;
  /** Names of the services beside the server that are switched on. */
  otherServices(release: RenderedRelease): Promise<string[]>;
  /** Removes containers of services that are not switched on, and names these services. */
  removeLeftovers(release: RenderedRelease): Promise<string[]>;

  /** The server as it runs now. */
  server(): Promise<ContainerFacts | undefined>;
  /**
   * Stops the server. It won't come back at boot.
   *
   * @param grace seconds that it may take to end by itself; by default as many as it needs to finish
   *   what its users asked for
   */
  stopServer(grace?: number): Promise<void>;
  /**
   * Makes the containers of a release and starts them, the server last, with a restart policy that
   * never starts it at boot: it is not committed yet. A server that still runs is replaced, and
   * serves until everything for the new one is there.
   */
  start(release: RenderedRelease, options?: StartOptions): Promise<StartResult>;
  /**
   * Lets users reach a server that was started behind a closed door, and leaves nothing of the door. One that is
   * stopped stays so. Safe to repeat.
   */
  openDoor(release: RenderedRelease): Promise<void>;
  /** Why users can't be kept out of a release's server by a closed door; undefined: they can. */
  doorProblem(release: RenderedRelease): Promise<string | undefined>;
  /** The restart policy that the release asks for. */
  restartPolicy(release: RenderedRelease): Promise<string>;
  /** Lets the server come back at boot. */
  setRestartPolicy(policy: string): Promise<void>;
  /** Removes the containers, by the release's file where there is one. Volumes and images stay. */
  remove(release: RenderedRelease | undefined): Promise<void>;

  /** All that is seen from outside, read at once: for a look, where it may not take long. */
  look(): Promise<Look>;
  health(): Promise<HealthAnswer>;
  /** The version in the web client's version.json. */
  webVersion(): Promise<string | undefined>;
  /** Identity, applied migrations, and whether there is an account; undefined without an answer. */
  database(): Promise<DatabaseFacts | undefined>;
  /**
   * Starts a release's database and nothing else, and waits until it answers.
   *
   * @param options.isMadeAnew makes its container anew where that is not the release's; by default it is
   *   started as it is
   */
  startDatabase(release: RenderedRelease, options?: { isMadeAnew?: boolean }): Promise<void>;
  /** The services beside the server that would get another image than they run from now. */
  imageChanges(release: RenderedRelease): Promise<ImageChange[]>;
  /** Keeps an image on the server until {@link letGoOfImages}, whatever becomes of its tag. */
  holdImage(id: string): Promise<void>;
  /** Lets a tag stand for an image of the server. Answers false where it does already. */
  nameImage(id: string, reference: string): Promise<boolean>;
  /** Ends all of {@link holdImage}. No image is removed. */
  letGoOfImages(): Promise<void>;
  /**
   * Mounts the database's volume in a rendered release where its image has the data. Everything has to be on the
   * server; done again it changes nothing.
   *
   * @throws Error where the image is none of PostgreSQL, or the operator has mounted something else there
   */
  placeDatabase(release: RenderedRelease): Promise<DatabasePlace>;
  /** The containers of some services, by their names; without those that have none. */
  containers(services: readonly string[]): Promise<Map<string, ContainerFacts>>;
  /** Whether the database runs, answering or not. */
  databaseRuns(): Promise<boolean>;
  /** Makes a volume with Docker's own driver; one that is there is left as it is. */
  makeVolume(volume: string): Promise<void>;
  /** Where the files of a volume lie on the server; undefined when there is no such volume. */
  volumeFolder(volume: string): Promise<string | undefined>;
  /** Where images and throwaway databases lie; undefined where that can't be found out. */
  imageFolder(): Promise<string | undefined>;
  /** Whether the volume with the database holds anything; undefined when there is no such volume. */
  databaseVolumeIsEmpty(volume: string): Promise<boolean | undefined>;
  /** The last lines that the server logged, without colours. */
  logTail(lines: number): Promise<string[]>;
}
