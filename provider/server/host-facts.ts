/**
 * What is known of a host before anything of ours is on it. Read by one constant POSIX shell
 * program that writes nothing; every value it needs comes as an argument. What takes long runs side by side.
 */

import { withoutControls } from "../../common/text.ts";

/** Where the updater and its runtime lie on a server, each in a folder named by its SHA-256. */
export const RUNNERS_DIRECTORY = "/usr/local/lib/chatalot-deploy";

/** Arguments: directory, project, port, volumes... */
export const HOST_PROBE = `
directory=$1 project=$2 port=$3
shift 3
say() { printf '%s=%s\\n' "$1" "$2"; }
have() { command -v "$1" >/dev/null 2>&1; }
say system "$(uname -s)"
say machine "$(uname -m)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
if test -d /run/systemd/system; then say systemd "$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')"; fi
for tool in flock tar gzip ss sha256sum sync mktemp; do have "$tool" || say missing "$tool"; done
if have node; then
  node=$(readlink -f "$(command -v node)")
  say node "$(stat -c '%u:%a' "$node") $(node --version 2>/dev/null) $node" &
fi
if have docker; then
  {
    # Asked for in one go: each call of docker costs a tenth of a second.
    answer=$(docker info --format 'docker={{.ServerVersion}}
security={{.SecurityOptions}}
dockerRoot={{.DockerRootDir}}
{{range .ClientInfo.Plugins}}{{if not .Err}}{{if or (eq .Name "compose") (eq .Name "buildx")}}{{.Name}}={{.Version}}
{{end}}{{end}}{{end}}' 2>/dev/null)
    printf '%s\n' "$answer" | grep -v '^docker'
    version=$(printf '%s\n' "$answer" | sed -n 's/^docker=//p')
    say docker "\${version:-silent}"
    root=$(printf '%s\n' "$answer" | sed -n 's/^dockerRoot=//p')
    test -d "$root" && say dockerDisk "$(df -Pk "$root" | sed -n '2p' | tr -s ' ' | cut -d ' ' -f 4)"
  } &
  docker ps --all --filter "label=com.docker.compose.project=$project" --format 'container={{.Names}}' 2>/dev/null &
  docker ps --all --filter 'name=^/?chatalot-server$' --filter 'name=^/?chatalot-db$' --format 'container={{.Names}}' 2>/dev/null &
  docker ps --filter "publish=$port/tcp" --filter "label=com.docker.compose.project=$project" --format 'publisher={{.ID}}' 2>/dev/null &
  docker volume inspect --format '{{.Name}} {{.Mountpoint}}' -- "$@" 2>/dev/null | while read -r volume mount; do
    test -n "$(ls -A "$mount" 2>/dev/null)" && say volume "$volume"
  done &
fi
have ss && ss --listening --tcp --numeric --processes --no-header "sport = :$port" 2>/dev/null |
  while read -r line; do say socket "$line"; done
say memory "$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)"
parent=$directory
while ! test -d "$parent"; do
  test -e "$parent" && say notFolder "$parent"
  parent=$(dirname "$parent")
done
test -w "$parent" || say unwritable "$parent"
say disk "$(df -Pk "$parent" | sed -n '2p' | tr -s ' ' | cut -d ' ' -f 4)"
for file in .env secrets compose.yaml compose.yml docker-compose.yml docker-compose.yaml; do
  test -e "$directory/$file" && say file "$directory/$file"
done
test -f "$directory/.deploy/instance.json" && say instance yes
test -x "$directory/.deploy/runner-node" && say runnerNode "$(readlink -f "$directory/.deploy/runner-node")"
test -f "$directory/.deploy/runner-updater" && say runnerUpdater "$(readlink -f "$directory/.deploy/runner-updater")"
for file in ${RUNNERS_DIRECTORY}/*/*; do test -f "$file" && say runner "$file"; done
wait
exit 0
`;

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

function parseNode(text: string | undefined): HostFacts["node"] {
  const match = /^(\d+):(\d+) v(\S+) (\/\S+)$/.exec(text ?? "");
  const [, owner, mode = "", version, path] = match ?? [];
  if (version === undefined || path === undefined) return undefined;
  // A program that others may change must not be run as root.
  const isRoots = owner === "0" && (Number.parseInt(mode, 8) & 0o022) === 0;
  return { path, version, isRoots };
}
