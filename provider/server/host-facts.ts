/** What the probe of a host (updater/host-probe.ts) has found. */

import { withoutControls } from "../../common/text.ts";

export { HOST_PROBE, RUNNERS_DIRECTORY } from "../../updater/host-probe.ts";

/** What {@link HOST_PROBE} found. */
export interface HostFacts {
  system: string;
  machine: string;
  libc: string;
  /** The version's number; absent where systemd doesn't run the machine. */
  systemd?: number;
  missingTools: string[];
  /** The server's own Node, where it has one. */
  node?: { path: string; version: string; isRoots: boolean };
  /** Docker's server version; `silent` where there is a client but no answer. */
  docker?: string;
  compose?: string;
  buildx?: string;
  rootless: boolean;
  /** Containers of the project or with Chatalot's names. */
  containers: string[];
  /** Volumes of the instance with something in them. */
  filledVolumes: string[];
  /** Files in the directory that a deployment would put there. */
  files: string[];
  /** Whether a container of the project publishes the port. */
  publishesPort: boolean;
  /** Listening sockets on the port, as `ss` prints them. */
  sockets: string[];
  memoryMegabytes: number;
  diskMegabytes: number;
  dockerDiskMegabytes?: number;
  /** The nearest existing folder, where nothing can be written. */
  unwritable?: string;
  /** What is no folder on the way to the directory. */
  notFolder?: string;
  /** Whether the directory holds an instance of ours. */
  hasInstance: boolean;
  /** The programs that ran its last job. */
  lastRunner?: { node: string; updater: string };
  /** Our programs that are there. */
  runners: string[];
  /** What the administrator allows besides; only where the runner answered. */
  allowances?: string[];
}

/** As a path of the system may have. */
const LONGEST_VALUE = 4_096;

/** Reads the lines that the probe printed; what is shown of them can't steer a terminal. */
export function parseHostFacts(output: string): HostFacts {
  const values = new Map<string, string[]>();
  for (const line of output.split("\n")) {
    const equals = line.indexOf("=");
    if (equals === -1) continue;
    const key = line.slice(0, equals);
    const value = withoutControls(line.slice(equals + 1, equals + 1 + LONGEST_VALUE).trim());
    if (value !== "") values.set(key, [...(values.get(key) ?? []), value]);
  }
  const one = (key: string): string | undefined => values.get(key)?.[0];
  const all = (key: string): string[] => [...new Set(values.get(key) ?? [])];
  const number = (key: string): number | undefined =>
    /^\d+$/.test(one(key) ?? "") ? Number(one(key)) : undefined;
  const megabytes = (key: string): number => Math.floor((number(key) ?? 0) / 1024);
  const systemd = number("systemd");
  const node = parseNode(one("node"));
  const [docker, buildx] = [one("docker"), one("buildx")];
  // Docker's own packages write a "v" before it.
  const compose = one("compose")?.replace(/^v/, "");
  const [runnerNode, runnerUpdater] = [one("runnerNode"), one("runnerUpdater")];
  const [unwritable, notFolder] = [one("unwritable"), one("notFolder")];
  return {
    system: one("system") ?? "unknown",
    machine: one("machine") ?? "unknown",
    libc: one("libc") ?? "",
    missingTools: all("missing"),
    rootless: (one("security") ?? "").includes("rootless"),
    containers: all("container").map((name) => name.replace(/^\//, "")),
    filledVolumes: all("volume"),
    files: all("file"),
    publishesPort: one("publisher") !== undefined,
    sockets: all("socket"),
    memoryMegabytes: megabytes("memory"),
    diskMegabytes: megabytes("disk"),
    hasInstance: one("instance") === "yes",
    runners: all("runner"),
    ...(one("runnerAnswers") === undefined ? {} : { allowances: all("allowance") }),
    ...(systemd === undefined ? {} : { systemd }),
    ...(node === undefined ? {} : { node }),
    ...(docker === undefined ? {} : { docker }),
    ...(compose === undefined ? {} : { compose }),
    ...(buildx === undefined ? {} : { buildx }),
    ...(one("dockerDisk") === undefined ? {} : { dockerDiskMegabytes: megabytes("dockerDisk") }),
    ...(unwritable === undefined ? {} : { unwritable }),
    ...(notFolder === undefined ? {} : { notFolder }),
    ...(runnerNode === undefined || runnerUpdater === undefined
      ? {}
      : { lastRunner: { node: runnerNode, updater: runnerUpdater } }),
  };
}

/** Bytes that are free where the backups go and where the images go: the smaller of the two. */
export function freeBytes({ diskMegabytes, dockerDiskMegabytes }: HostFacts): number {
  return Math.min(diskMegabytes, dockerDiskMegabytes ?? Infinity) * 1024 ** 2;
}

function parseNode(text: string | undefined): HostFacts["node"] {
  const match = /^(\d+):(\d+) v(\S+) (\/\S+)$/.exec(text ?? "");
  const [, owner, mode = "", version, path] = match ?? [];
  if (version === undefined || path === undefined) return undefined;
  // A program that others may change must not be run as root.
  const isRoots = owner === "0" && (Number.parseInt(mode, 8) & 0o022) === 0;
  return { path, version, isRoots };
}
