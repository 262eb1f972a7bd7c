/** Docker Compose with the files of one rendered release. */
import { join } from "node:path";
import { parse } from "yaml";
import { readFile, stat } from "node:fs/promises";
import { command } from "../../command.ts";
import { nameExists } from "../../files.ts";
import { type InstancePaths, OVERRIDE_FILE } from "../../paths.ts";
import { COMPOSE_FILE } from "../../rendered-release.ts";
import type { RenderedRelease } from "../driver.ts";
import { MAIN_SERVICE } from "../../../release/compose-file.ts";
import {
  doorProblem,
  networksOf,
  type ResolvedFile,
  type ServerNetwork,
} from "./server-networks.ts";

/** Creating containers may pull nothing and build nothing: all of that was done before. */
const COMPOSE_TIMEOUT = 180_000;

/**
 * The arguments that make Compose see a release as it would see it from the operator's directory.
 *
 * The files are named, because the links in the directory still lead to the committed release; the
 * operator's override has to be named then as well, or Compose would leave it out (measured). It is
 * the release's copy of it, so that a revert starts what ran before, whatever was edited since.
 */
async function composeArguments(
  paths: InstancePaths,
  project: string,
  release: RenderedRelease,
): Promise<string[]> {
  const copy = join(release.directory, OVERRIDE_FILE);
  const override = (await nameExists(copy)) ? ["--file", copy] : [];
  return [
    ...["docker", "compose", "--project-name", project, "--project-directory", paths.directory],
    ...["--file", join(release.directory, COMPOSE_FILE), ...override],
    ...["--env-file", join(release.directory, ".env")],
    ...release.profiles.flatMap((profile) => ["--profile", profile]),
  ];
}

/** What tells a rendering's files from others: each change of ours is a new file in the place of the old one. */
async function filesOf({ directory }: RenderedRelease): Promise<string[]> {
  const names = [COMPOSE_FILE, OVERRIDE_FILE, ".env"];
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const found = await stat(path, { bigint: true }).catch(() => undefined);
      return `${path} ${found?.ino} ${found?.mtimeNs} ${found?.size}`;
    }),
  );
}

/** Adds what a service depends on, each behind what that depends on itself. Compose refuses circles. */
function addNeeds(
  definitions: Readonly<Record<string, ServiceDefinition>>,
  service: string,
  found: Set<string>,
): void {
  for (const name of Object.keys(definitions[service]?.depends_on ?? {}))
    if (!found.has(name)) {
      addNeeds(definitions, name, found);
      found.add(name);
    }
}

/** What is read of a service's definition. */
export interface ServiceDefinition {
  depends_on?: Record<string, unknown>;
  environment?: Record<string, string | null>;
  ports?: { host_ip?: string; published?: string; protocol?: string }[];
  image?: string;
  volumes?: { type: string; source?: string; target: string }[];
}

export interface StartOthersOptions {
  /** Makes a container anew whose definition is another one. @default false: it is started as it is */
  isMadeAnew?: boolean;
  /** Ends the waiting. */
  signal?: AbortSignal;
}

export class ComposeProject {
  /** What Compose understood of files, by what they are: it takes some tenths of a second to say so. */
  readonly #understood = new Map<string, Promise<unknown>>();

  constructor(
    private readonly paths: InstancePaths,
    readonly name: string,
  ) {}

  /**
   * Has Compose read everything anew: an override may name files of the operator's that are not among a release's
   * own, and what a start makes its containers from is what has to be true of them later.
   */
  forget(): void {
    this.#understood.clear();
  }

  /**
   * Makes the containers of a release; one whose definition is unchanged is left as it is. Compose
   * makes a new one before it stops the old one, which then has some seconds to end.
   *
   * @param services only these @default all, and those go that are in the release no more
   */
  async create(
    release: RenderedRelease,
    stopSeconds: number,
    services: readonly string[] = [],
  ): Promise<void> {
    await this.run("create the containers", release, [
      // `create` would do the same, but has no option for the time to stop.
      ...["up", "--no-start", "--no-build", "--pull", "never", "--timeout", String(stopSeconds)],
      ...(services.length === 0 ? ["--remove-orphans"] : ["--no-deps", ...services]),
    ]);
  }

  /** The networks of a release's server, with all that is said of its place in each. */
  async serverNetworks(release: RenderedRelease): Promise<ServerNetwork[]> {
    return networksOf(await this.file<ResolvedFile>(release));
  }

  /** Why users can't be kept out of a release's server; undefined: they can. */
  async doorProblem(release: RenderedRelease): Promise<string | undefined> {
    return doorProblem(await this.file<ResolvedFile>(release));
  }

  /** Starts everything but the server, and waits until what the server depends on is healthy. */
  async startOthers(
    release: RenderedRelease,
    services: readonly string[],
    { isMadeAnew = false, signal }: StartOthersOptions = {},
  ): Promise<void> {
    if (services.length === 0) return;
    await this.run(
      "start the other services",
      release,
      [
        ...["up", "--detach", "--no-build", "--pull", "never", "--no-deps"],
        ...(isMadeAnew ? [] : ["--no-recreate"]),
        ...["--wait", "--wait-timeout", "120", ...services],
      ],
      signal,
    );
  }

  /** Stops and removes the project's containers and networks. Volumes stay. */
  async down(release: RenderedRelease): Promise<void> {
    await this.run("remove the containers", release, ["down", "--timeout", "30"]);
  }

  /** Images that the release's services run from. */
  async images(release: RenderedRelease): Promise<string[]> {
    const output = await this.run("list the images", release, ["config", "--images"]);
    return [...new Set(output.split("\n").filter((line) => line !== ""))];
  }

  /** Names of the services that are switched on, without the server itself; each behind what it depends on. */
  async otherServices(release: RenderedRelease): Promise<string[]> {
    const definitions = await this.definitions(release);
    const ordered = new Set<string>();
    for (const name of Object.keys(definitions)) {
      addNeeds(definitions, name, ordered);
      ordered.add(name);
    }
    return [...ordered].filter((name) => name !== MAIN_SERVICE && name in definitions);
  }

  /** Compose's digest of each service that is switched on, as its containers have it in a label. */
  async configHashes(release: RenderedRelease): Promise<Map<string, string>> {
    const output = await this.run("read the digests", release, ["config", "--hash", "*"]);
    return new Map(
      output.split("\n").flatMap((line): [string, string][] => {
        const [service, hash] = line.trim().split(/\s+/);
        return service === undefined || hash === undefined ? [] : [[service, hash]];
      }),
    );
  }

  /** One service as Compose merges it from the release, the override and the `.env`. */
  async definition(release: RenderedRelease, service: string): Promise<ServiceDefinition> {
    return (await this.definitions(release))[service] ?? {};
  }

  /** Where the server is published on the host by TCP, at fixed ports. */
  async publishedPorts(release: RenderedRelease): Promise<{ address: string; port: number }[]> {
    const { ports = [] } = await this.definition(release, MAIN_SERVICE);
    return ports
      .filter(({ published, protocol }) => /^\d+$/.test(published ?? "") && protocol !== "udp")
      .map(({ host_ip, published }) => ({
        address: host_ip ?? "0.0.0.0",
        port: Number(published),
      }));
  }

  /** The variables that the server is given. */
  async serverEnvironment(release: RenderedRelease): Promise<Record<string, string>> {
    const { environment = {} } = await this.definition(release, MAIN_SERVICE);
    return Object.fromEntries(
      Object.entries(environment)
        .filter((entry): entry is [string, string] => entry[1] !== null)
        // Compose prints its answer as a compose file, in which a dollar sign is doubled.
        .map(([name, value]) => [name, value.replaceAll("$$", "$")]),
    );
  }

  /** What a service needs to run, as the compose file says it: what it depends on, and what that depends on. */
  async dependencies(release: RenderedRelease, service: string): Promise<Set<string>> {
    const found = new Set<string>();
    addNeeds(await this.definitions(release), service, found);
    return found;
  }

  /** The image of each service that is switched on. */
  async imageOfEach(release: RenderedRelease): Promise<Map<string, string>> {
    const services = Object.entries(await this.definitions(release));
    return new Map(services.flatMap(([name, { image }]) => (image ? [[name, image]] : [])));
  }

  private async definitions(release: RenderedRelease): Promise<Record<string, ServiceDefinition>> {
    type File = { services?: Record<string, ServiceDefinition> };
    return (await this.file<File>(release)).services ?? {};
  }

  /** The release's file with the override, as Compose has understood it; asked once for the same files. */
  private async file<T>(release: RenderedRelease): Promise<T> {
    const key = JSON.stringify([release.profiles, await filesOf(release)]);
    const known = this.#understood.get(key);
    if (known !== undefined) return known as Promise<T>;
    const asked = this.run("read the compose file", release, ["config", "--format", "json"]).then(
      (json) => JSON.parse(json) as unknown,
    );
    this.#understood.set(key, asked);
    // What can't be read at one moment may be at the next.
    asked.catch(() => this.#understood.delete(key));
    return asked as Promise<T>;
  }

  private async run(
    label: string,
    release: RenderedRelease,
    args: string[],
    signal?: AbortSignal,
  ): Promise<string> {
    const compose = await composeArguments(this.paths, this.name, release);
    return command(label, [...compose, ...args], {
      timeout: COMPOSE_TIMEOUT,
      cwd: this.paths.directory,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

/** What the rendered file says of the server's restart, `no` where it says nothing. */
export async function restartPolicyOf(release: RenderedRelease): Promise<string> {
  const text = await readFile(join(release.directory, COMPOSE_FILE), "utf8");
  const file = parse(text) as { services?: Record<string, { restart?: unknown }> };
  const restart = file.services?.[MAIN_SERVICE]?.restart;
  return typeof restart === "string" &&
    /^(no|always|unless-stopped|on-failure(:\d+)?)$/.test(restart)
    ? restart
    : "no";
}
