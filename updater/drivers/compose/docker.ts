/** The few questions that are asked of Docker itself, as typed answers. */
import { execa } from "execa";
import { plainText } from "../../plain-text.ts";
import { command, CommandError, type CommandOptions } from "../../command.ts";
import type { ContainerFacts } from "../../protocol.ts";

/** The label by which an image and a container name the commit they were built from. */
export const COMMIT_LABEL = "org.opencontainers.image.revision";

/** Runs the docker client. */
export function docker(
  label: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return command(label, ["docker", ...args], options);
}

interface InspectedContainer {
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
  HostConfig: { RestartPolicy: { Name: string } };
  Config: { Labels: Record<string, string> | null; Env: string[] | null };
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> | null };
}

/** A container of a Compose project, as a list of containers tells it. */
export interface ListedContainer {
  id: string;
  name: string;
  service: string;
  /** `created`, `running`, `exited`, ... */
  state: string;
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
  const format = '{{.ID}}\t{{.Names}}\t{{.State}}\t{{.Label "com.docker.compose.service"}}';
  const lines = await docker("list the containers", [
    ...["ps", "--all", "--no-trunc", ...filters, "--format", format],
  ]);
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id = "", name = "", state = "", of = ""] = line.split("\t");
      return { id, name, state, service: of };
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

async function inspect<T>(kind: "container" | "image", name: string): Promise<T | undefined> {
  try {
    const json = await docker(`look at the ${kind}`, [kind, "inspect", "--", name]);
    return (JSON.parse(json) as T[])[0];
  } catch (error) {
    if (error instanceof CommandError && /no such (container|image)/i.test(error.stderr))
      return undefined;
    throw error;
  }
}

/** A container's facts and its environment. */
export async function inspectContainer(
  id: string,
): Promise<{ facts: ContainerFacts; environment: Map<string, string> } | undefined> {
  const found = await inspect<InspectedContainer>("container", id);
  if (found === undefined) return undefined;
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
    environment: new Map(
      (found.Config.Env ?? []).map((entry) => {
        const equals = entry.indexOf("=");
        return [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    ),
  };
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
export async function inspectImage(
  name: string,
): Promise<{ id: string; commit?: string; architecture: string; user: string } | undefined> {
  const found = await inspect<{
    Id: string;
    Architecture: string;
    Config: { Labels?: Record<string, string> | null; User?: string } | null;
  }>("image", name);
  if (found === undefined) return undefined;
  const commit = found.Config?.Labels?.[COMMIT_LABEL];
  return {
    id: found.Id,
    architecture: found.Architecture,
    user: found.Config?.User ?? "",
    ...(commit === undefined ? {} : { commit }),
  };
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
