/** The log of one service's container, as arguments of docker's. Used on both sides. */

/** Which log, and how much of it. */
export interface ServiceLog {
  service: string;
  /** How many of the last lines. */
  lines: number;
  /** As docker takes it: `10m`, or a time. */
  since?: string;
  /** Goes on until it is ended. */
  follow: boolean;
}

/** Asks for the id of a service's container. */
export function containerArguments(project: string, service: string): string[] {
  return [
    ...["docker", "ps", "--all", "--quiet"],
    ...["--filter", `label=com.docker.compose.project=${project}`],
    ...["--filter", `label=com.docker.compose.service=${service}`],
  ];
}

/** @param id of the container */
export function logArguments({ lines, since, follow }: ServiceLog, id: string): string[] {
  const options = [
    ...["--tail", String(lines), ...(since === undefined ? [] : ["--since", since])],
    ...(follow ? ["--follow"] : []),
  ];
  // Constant text: what the container said comes by two outputs.
  return ["sh", "-c", 'exec docker logs "$@" 2>&1', "logs", ...options, id];
}
