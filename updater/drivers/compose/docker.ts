/** The few questions that are asked of Docker itself, as typed answers. */
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

/** The ids of a service's containers in a Compose project. */
export async function containersOf(project: string, service?: string): Promise<string[]> {
  const filters = [
    ["--filter", `label=com.docker.compose.project=${project}`],
    ["--filter", "label=com.docker.compose.oneoff=False"],
    service === undefined ? [] : ["--filter", `label=com.docker.compose.service=${service}`],
  ].flat();
  const ids = await docker("list the containers", [
    "ps",
    "--all",
    "--quiet",
    "--no-trunc",
    ...filters,
  ]);
  return ids.split("\n").filter((id) => id !== "");
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
