/** The few questions that are asked of Docker itself, as typed answers. */
import { execa } from "execa";
import { plainText } from "../../../common/text.ts";
import { command, CommandError, type CommandOptions } from "../../command.ts";
import type { ContainerFacts } from "../../protocol.ts";

/** The label by which an image and a container name the commit they were built from. */
export const COMMIT_LABEL = "org.opencontainers.image.revision";

/** How often a program in a container is started that the runtime could not start. */
const STARTS = 3;

/** Runs the docker client. */
export async function docker(
  label: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  for (let start = 1; ; start++) {
    try {
      return await command(label, ["docker", ...args], options);
    } catch (error) {
      if (start === STARTS || args[0] !== "exec" || !wasNotStarted(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300 * start));
    }
  }
}

/** The lines of what Docker's client lists; none for none. */
export async function dockerLines(label: string, args: readonly string[]): Promise<string[]> {
  return (await docker(label, args)).split("\n").filter((line) => line !== "");
}

/**
 * Whether the runtime gave up before the program ran, as it does on a server that is short of memory or
 * processes for a moment: nothing was done, and it may be tried again.
 */
function wasNotStarted(error: unknown): boolean {
  return (
    error instanceof CommandError &&
    error.exitCode === 126 &&
    error.stderr.includes("OCI runtime exec failed") &&
    !/executable file not found|permission denied|no such file/i.test(error.stderr)
  );
}

/** Compose's label with the files that a container was made from, the release's own first. */
export const FILES_LABEL = "com.docker.compose.project.config_files";

/** As `docker container inspect` gives it. */
export interface DockersContainer {
  Id: string;
  Name: string;
  Image: string;
  RestartCount: number;
  State: {
    Status: string;
    Running: boolean;
    StartedAt: string;
    ExitCode: number;
    OOMKilled: boolean;
  };
  HostConfig: {
    RestartPolicy: { Name: string };
    PortBindings: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
  };
  Mounts: { Type: string; Name?: string; Source: string; Destination: string }[];
  Config: { Image: string; Labels: Record<string, string> | null; Env: string[] | null };
  NetworkSettings: { Networks: Record<string, DockersEndpoint> | null };
}

/** A container's place in one network. */
export interface DockersEndpoint {
  IPAddress: string;
  Aliases?: string[] | null;
}

/** A container of a Compose project, as a list of containers tells it. */
export interface ListedContainer {
  id: string;
  name: string;
  service: string;
  /** `created`, `running`, `exited`, ... */
  state: string;
  /** Compose's digest of what it was made from. */
  configHash: string;
  /** Whether its own check of its health has failed. */
  isUnhealthy: boolean;
}

/** The containers of a Compose project; those that Compose has not finished making come last. */
export async function listContainers(
  project: string,
  service?: string,
): Promise<ListedContainer[]> {
  const filters = [
    ["--filter", `label=com.docker.compose.project=${project}`],
    ["--filter", "label=com.docker.compose.oneoff=False"],
    service === undefined ? [] : ["--filter", `label=com.docker.compose.service=${service}`],
  ].flat();
  const labels = ["service", "config-hash"].map(
    (name) => `{{.Label "com.docker.compose.${name}"}}`,
  );
  const format = ["{{.ID}}", "{{.Names}}", "{{.State}}", "{{.Status}}", ...labels].join("\t");
  const lines = await dockerLines("list the containers", [
    ...["ps", "--all", "--no-trunc", ...filters, "--format", format],
  ]);
  return lines
    .map((line) => {
      const [id = "", name = "", state = "", status = "", of = "", configHash = ""] =
        line.split("\t");
      const isUnhealthy = status.includes("(unhealthy)");
      return { id, name, state, service: of, configHash, isUnhealthy };
    })
    .sort((a, b) => Number(isUnfinished(a)) - Number(isUnfinished(b)));
}

/**
 * Whether Compose was interrupted while it made this container: it gives it its own name,
 * `0123456789ab_chatalot-server`, until the one that it replaces is gone.
 */
export function isUnfinished({ name, state }: Pick<ListedContainer, "name" | "state">): boolean {
  return state === "created" && /^[0-9a-f]{12}_/.test(name);
}

/** The ids of a service's containers in a Compose project. */
export async function containersOf(project: string, service?: string): Promise<string[]> {
  return (await listContainers(project, service)).map(({ id }) => id);
}

/** Things that are gone are left out of the answer, which has the order of Docker. */
async function inspect<T>(kind: "container" | "image", names: readonly string[]): Promise<T[]> {
  if (names.length === 0) return [];
  try {
    return JSON.parse(
      await docker(`look at the ${kind}`, [kind, "inspect", "--", ...names]),
    ) as T[];
  } catch (error) {
    if (!(error instanceof CommandError && /no such (container|image)/i.test(error.stderr)))
      throw error;
    if (names.length === 1) return [];
    // One of them is gone: Docker's answer has the others, but so does each alone.
    return (await Promise.all(names.map((name) => inspect<T>(kind, [name])))).flat();
  }
}

/** A container's facts and its environment. */
export interface InspectedContainer {
  facts: ContainerFacts;
  /** The image's name with which it was made. */
  image: string;
  environment: Map<string, string>;
}

export async function inspectContainer(id: string): Promise<InspectedContainer | undefined> {
  return (await inspectContainers([id]))[0];
}

/** A service's container in a Compose project; undefined where it has none. */
export async function findContainer(
  project: string,
  service: string,
): Promise<InspectedContainer | undefined> {
  const [id] = await containersOf(project, service);
  return id === undefined ? undefined : inspectContainer(id);
}

/** Several at once; those that are gone are left out. */
export async function inspectContainers(ids: readonly string[]): Promise<InspectedContainer[]> {
  return (await inspect<DockersContainer>("container", ids)).map(containerOf);
}

/** All that Docker says of a container; undefined where there is none. */
export async function rawContainer(id: string): Promise<DockersContainer | undefined> {
  return (await rawContainers([id]))[0];
}

/** Of several at once; those that are gone are left out. */
export function rawContainers(ids: readonly string[]): Promise<DockersContainer[]> {
  return inspect<DockersContainer>("container", ids);
}

export function containerOf(found: DockersContainer): InspectedContainer {
  const labels = found.Config.Labels ?? {};
  const address = Object.values(found.NetworkSettings.Networks ?? {}).find(
    ({ IPAddress }) => IPAddress !== "",
  )?.IPAddress;
  const commit = labels[COMMIT_LABEL];
  const composeConfigHash = labels["com.docker.compose.config-hash"];
  return {
    facts: {
      id: found.Id,
      name: found.Name.replace(/^\//, ""),
      running: found.State.Running,
      status: found.State.Status,
      startedAt: found.State.StartedAt,
      restartCount: found.RestartCount,
      restartPolicy: found.HostConfig.RestartPolicy.Name,
      exitCode: found.State.ExitCode,
      outOfMemory: found.State.OOMKilled,
      imageId: found.Image,
      ...(commit === undefined ? {} : { commit }),
      ...(composeConfigHash === undefined ? {} : { composeConfigHash }),
      ...(address === undefined ? {} : { address }),
    },
    image: found.Config.Image,
    environment: environmentOf(found.Config.Env),
  };
}

function environmentOf(entries: readonly string[] | null | undefined): Map<string, string> {
  return new Map(
    (entries ?? []).map((entry) => {
      const equals = entry.indexOf("=");
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/**
 * When a container ended, by Docker's own clock; undefined where it did not since that moment, or where
 * that can't be found out. It is a figure for the result: a clock that was set back meanwhile, which
 * Docker refuses to search in, must not fail an update.
 */
export async function endOf(id: string, since: number): Promise<number | undefined> {
  try {
    const times = await docker("ask when the old server ended", [
      ...["events", "--since", String(since / 1_000), "--until", String(Date.now() / 1_000)],
      ...["--filter", `container=${id}`, "--filter", "event=die", "--format", "{{.TimeNano}}"],
    ]);
    const [first = ""] = times.split("\n");
    return first === "" ? undefined : Math.round(Number(first) / 1_000_000);
  } catch {
    return undefined;
  }
}

/** An image's id, commit label, processor (as Docker names it) and the user it runs as. */
export interface InspectedImage {
  id: string;
  /** Its names, `repository:tag`. */
  names: string[];
  /** What registries call it, `repository@sha256:…`; empty where it was built or loaded. */
  digests: string[];
  commit?: string;
  architecture: string;
  user: string;
  environment: Map<string, string>;
  /** Places for which a container gets a volume, whether it is given one or not. */
  volumes: string[];
}

export async function inspectImage(name: string): Promise<InspectedImage | undefined> {
  return (await inspectImages([name]))[0];
}

/** Several at once; those that are gone are left out. */
export async function inspectImages(names: readonly string[]): Promise<InspectedImage[]> {
  return (await inspect<DockersImage>("image", names)).map((found) => {
    const commit = found.Config?.Labels?.[COMMIT_LABEL];
    return {
      id: found.Id,
      names: found.RepoTags ?? [],
      digests: found.RepoDigests ?? [],
      architecture: found.Architecture,
      user: found.Config?.User ?? "",
      environment: environmentOf(found.Config?.Env),
      volumes: Object.keys(found.Config?.Volumes ?? {}),
      ...(commit === undefined ? {} : { commit }),
    };
  });
}

/** As `docker image inspect` gives it. */
interface DockersImage {
  Id: string;
  RepoTags: string[] | null;
  RepoDigests?: string[] | null;
  Architecture: string;
  Config: {
    Labels?: Record<string, string> | null;
    User?: string;
    Env?: string[] | null;
    Volumes?: Record<string, unknown> | null;
  } | null;
}

/** Where the files of a volume lie on the server. */
export async function volumeMountpoint(volume: string): Promise<string | undefined> {
  try {
    return await docker("look at the volume", [
      "volume",
      "inspect",
      "--format",
      "{{.Mountpoint}}",
      "--",
      volume,
    ]);
  } catch (error) {
    if (error instanceof CommandError && /no such volume/i.test(error.stderr)) return undefined;
    throw error;
  }
}

/** The newest errors in what a container said, for the end of an error's text; empty without any. */
export async function lastErrors(id: string): Promise<string> {
  // They go to standard error; an end that is planned is told on standard output.
  const { stderr } = await execa("docker", ["logs", "--tail", "50", id], {
    timeout: 10_000,
    reject: false,
    cwd: "/",
  });
  const errors = plainText(stderr)
    .split("\n")
    .filter((line) => /\b(FATAL|PANIC|ERROR|error):/.test(line))
    .map((line) => line.trim());
  return errors.length === 0 ? "" : `\nIt said: ${errors.slice(-3).join("; ")}`;
}
