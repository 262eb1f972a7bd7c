/**
 * What a release's compose file asks of the host beyond running containers of its own: the host's files,
 * namespaces, devices, rights. Where an administrator has let a user deploy through the runner, a release that
 * asks for it would make that user root.
 *
 * Members are compared with what is known to be harmless, never with what is known to be dangerous: a new one of
 * Compose's is refused until it is known. The operator's override is not looked at: it is a file of root's.
 */
import { realpath } from "node:fs/promises";
import { posix } from "node:path";
import {
  parseCompose,
  type Section,
  sectionOf,
  Text,
  type Value,
} from "../release/compose-document.ts";
import { mayRun } from "../release/compose-profiles.ts";
import type { Allowance } from "./runner/protocol.ts";

export interface ReachOptions {
  /** Profiles that are switched on: a service of another one never runs. */
  profiles: readonly string[];
  /** Absolute folders whose files may be given to containers. */
  folders: readonly string[];
  /** Docker's names of the volumes that are the instance's own. */
  ownVolumes: readonly string[];
  allow: readonly Allowance[];
}

/** Members of a service that reach nothing, whatever they say. */
const HARMLESS = new Set([
  ...["attach", "command", "container_name", "cpu_count", "cpu_percent", "cpu_period"],
  ...["cpu_quota", "cpu_shares", "cpus", "cpuset", "depends_on", "deploy", "dns", "dns_opt"],
  ...[
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "expose",
    "extra_hosts",
    "healthcheck",
  ],
  ...["hostname", "image", "init", "labels", "links", "mem_limit", "mem_reservation"],
  ...["mem_swappiness", "memswap_limit", "networks", "pids_limit", "platform", "ports", "profiles"],
  ...[
    "pull_policy",
    "read_only",
    "restart",
    "scale",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
  ],
  ...["stop_signal", "tmpfs", "tty", "ulimits", "user", "working_dir", "cap_drop"],
]);

/** What Docker gives every container unless it is taken away. */
const CAPABILITIES = new Set([
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"],
  ...["NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
]);

const TOP = new Set(["name", "services", "volumes", "networks", "secrets", "configs"]);

/** What the file of one rendered release asks for, in words; empty where it asks for nothing. */
export async function hostReach(
  composeText: string,
  { profiles, folders, ownVolumes, allow }: ReachOptions,
): Promise<string[]> {
  if (allow.includes("host-access")) return [];
  const root = parseCompose(composeText);
  const found: string[] = [];
  const volumes = sectionOf(root, "volumes");
  for (const key of root.keys()) if (!TOP.has(key)) found.push(`the file has "${key}"`);
  for (const [name, volume] of volumes)
    if (volume instanceof Map) found.push(...volumeReach(name, volume, ownVolumes));
  for (const [name, network] of sectionOf(root, "networks"))
    if (network instanceof Map) found.push(...networkReach(name, network));
  for (const kind of ["secrets", "configs"])
    for (const [name, member] of sectionOf(root, kind))
      if (member instanceof Map) {
        const what = `${kind.slice(0, -1)} ${name}`;
        found.push(...others(member, ["file", "environment", "content", "name"], what));
        if (member.has("file")) found.push(...(await fileReach(member.get("file"), folders, what)));
      }
  for (const [name, service] of sectionOf(root, "services")) {
    if (!(service instanceof Map) || !mayRun(service, profiles)) continue;
    const reach = await serviceReach(service, { volumes, folders, allow });
    found.push(...reach.map((what) => `service ${name} ${what}`));
  }
  return found;
}

interface ServiceContext extends Pick<ReachOptions, "folders" | "allow"> {
  volumes: Section;
}

async function serviceReach(service: Section, context: ServiceContext): Promise<string[]> {
  const found: string[] = [];
  for (const [key, value] of service) {
    if (HARMLESS.has(key)) {
      if (key === "deploy") found.push(...deployReach(value));
      continue;
    }
    found.push(...(await memberReach(key, value, context)));
  }
  return found;
}

async function memberReach(key: string, value: Value, context: ServiceContext): Promise<string[]> {
  const { folders, allow } = context;
  const text = value instanceof Text ? value.text : undefined;
  switch (key) {
    case "volumes":
      return mountsReach(value, context);
    case "network_mode":
      if (text === "host" && allow.includes("host-network")) return [];
      return /^(?:bridge|none|service:[A-Za-z0-9._-]+)$/.test(text ?? "")
        ? []
        : [`uses network_mode ${JSON.stringify(text ?? "")}`];
    case "privileged":
      return text === "false" ? [] : ["is privileged"];
    case "cap_add": {
      const added = Array.isArray(value) ? value : [value];
      const names = added.map((item) => (item instanceof Text ? item.text : ""));
      const unknown = names.filter((name) => !CAPABILITIES.has(name.replace(/^CAP_/, "")));
      return unknown.length === 0 ? [] : [`adds the capabilities ${unknown.join(", ")}`];
    }
    case "security_opt": {
      const wrong = (Array.isArray(value) ? value : [value])
        .map((item) => (item instanceof Text ? item.text : ""))
        .filter((option) => !/^no-new-privileges(?:[:=]true)?$/.test(option));
      return wrong.length === 0 ? [] : [`sets security_opt ${wrong.join(", ")}`];
    }
    case "env_file": {
      const files = (Array.isArray(value) ? value : [value]).map((item) =>
        item instanceof Map ? item.get("path") : item,
      );
      const reach = files
        // It lies beside the rendered file, and is ours.
        .filter((file) => !(file instanceof Text && file.text === ".env"))
        .map((file) => fileReach(file, folders, "env_file"));
      return (await Promise.all(reach)).flat();
    }
    case "logging": {
      const driver = value instanceof Map ? value.get("driver") : undefined;
      const name = driver instanceof Text ? driver.text : undefined;
      return driver === undefined || ["json-file", "local", "journald", "none"].includes(name ?? "")
        ? []
        : [`logs by ${name ?? "something else"}`];
    }
    case "secrets":
    case "configs":
      // Where they come from is looked at where they are declared.
      return [];
    case "group_add":
      // A number may be that of the host's group docker, which means nothing without its socket.
      return [];
    default:
      return [`has "${key}"`];
  }
}

/** Only the limits of a container; devices of the host are reserved here, too. */
function deployReach(value: Value): string[] {
  if (!(value instanceof Map)) return [];
  const reservations = sectionOf(sectionOf(value, "resources"), "reservations");
  return others(reservations, ["cpus", "memory"], "reserves of the host:");
}

async function mountsReach(value: Value, context: ServiceContext): Promise<string[]> {
  const mounts = Array.isArray(value) ? value : [value];
  return (await Promise.all(mounts.map((mount) => mountReach(mount, context)))).flat();
}

async function mountReach(mount: Value, { volumes, folders }: ServiceContext): Promise<string[]> {
  if (mount instanceof Text) {
    const [source = "", target] = mount.text.split(":");
    // A path in the container alone is a volume without a name.
    if (target === undefined) return /^\/[^$]*$/.test(source) ? [] : [`mounts ${source}`];
    if (isNamed(source, volumes)) return [];
    // The files of the release, for reading.
    if (!/:ro(?:,[a-zA-Z]+)*$/.test(mount.text)) return [`may write to ${source} of the host`];
    return fileReach(new Text(source, "quoted"), folders, "mounts");
  }
  if (!(mount instanceof Map)) return ["has a mount that can't be read"];
  const [type, source] = ["type", "source"].map((key) => {
    const member = mount.get(key);
    return member instanceof Text ? member.text : undefined;
  });
  if (type === "tmpfs") return [];
  if (type === "volume" && (source === undefined || isNamed(source, volumes))) return [];
  if (type !== "bind") return [`mounts ${type ?? "something"} ${source ?? ""}`.trim()];
  const isReadOnly = mount.get("read_only");
  if (!(isReadOnly instanceof Text) || isReadOnly.text !== "true")
    return [`may write to ${source ?? "a folder"} of the host`];
  return fileReach(mount.get("source"), folders, "mounts");
}

function isNamed(source: string, volumes: Section): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(source) && volumes.has(source);
}

/** A file that is reached by a path with a variable or a link may be any. */
async function fileReach(
  value: Value | undefined,
  folders: readonly string[],
  what: string,
): Promise<string[]> {
  const path = value instanceof Text ? value.text : "";
  const plain = path.replaceAll("$$", "\0");
  if (!path.startsWith("/") || plain.includes("$")) return [`${what} ${JSON.stringify(path)}`];
  return (await isWithin(plain.replaceAll("\0", "$"), folders))
    ? []
    : [`${what} ${path} of the host`];
}

/** Whether a path is inside of one of the folders once links are followed; also one that isn't there. */
export async function isWithin(path: string, folders: readonly string[]): Promise<boolean> {
  const real = await realpath(path).catch(() => posix.normalize(path));
  const roots = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  return roots.some((root) => real === root || real.startsWith(`${root}/`));
}

/** A name that is given may be that of another project's volume, also without `external`. */
function volumeReach(name: string, volume: Section, own: readonly string[]): string[] {
  const what = `the volume ${name}`;
  const given = volume.get("name");
  const isOwn = given instanceof Text && own.includes(given.text);
  return [
    ...others(volume, ["external", "name", "labels"], what),
    ...((volume.has("name") || volume.has("external")) && !isOwn
      ? [`${what} is one that is not the chat's own`]
      : []),
  ];
}

function networkReach(name: string, network: Section): string[] {
  const what = `the network ${name}`;
  const driver = network.get("driver");
  const isBridge = driver === undefined || (driver instanceof Text && driver.text === "bridge");
  return [
    ...others(network, ["driver", "internal", "labels", "ipam", "enable_ipv6", "attachable"], what),
    ...(isBridge ? [] : [`${what} has a driver of its own`]),
  ];
}

function others(section: Section, known: readonly string[], what: string): string[] {
  return [...section.keys()]
    .filter((key) => !known.includes(key))
    .map((key) => `${what} has "${key}"`);
}
