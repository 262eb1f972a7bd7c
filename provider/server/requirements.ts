/** What a server must have, compared with what it has; all that is missing at once. */
import semver from "semver";
import { isEverywhere } from "../../updater/owner-guard.ts";
import type { HostFacts } from "./host-facts.ts";

/** Docker 24 is what upstream asks for; Compose 2 merges the override as we need it. */
const DOCKER = "24.0.0";
const COMPOSE = "2.20.0";
const GLIBC = "2.28.0";
const SYSTEMD = 245;

/** For the tree, the rendered releases and one image besides the one that runs. */
const DISK_MEGABYTES = 2_048;

/** Building the real server needs 2 GB (its own requirement); running it far less. */
const BUILD_MEMORY_MEGABYTES = 1_800;

/** What a build of the real server, its base images and its cache take. */
const BUILD_DISK_MEGABYTES = 15 * 1_000;

const INSTEAD =
  "Take the published image where it fits: pulumi config set image auto. Or build on this machine and " +
  "send it: pulumi config set buildOn here. What runs is not stopped for a build, but both share the memory.";

export interface HostNeeds {
  directory: string;
  listen: { address: string; port: number };
  /** Docker is installed by this program where it is missing, so that is no failure. */
  prepareServer: boolean;
  /** Where the image may have to be built. Absent, as from an earlier version: on the server. */
  buildPlace?: "server" | "here" | "nowhere";
}

/** One sentence for each thing that is missing, with what was found and what to do. */
export function hostFailures(facts: HostFacts, needs: HostNeeds): string[] {
  return [
    ...systemFailures(facts),
    ...dockerFailures(facts, needs),
    ...resourceFailures(facts, needs),
    ...allowanceFailures(facts, needs),
  ];
}

/** Things that work but that the operator should know. */
export function hostWarnings(facts: HostFacts, needs: HostNeeds): string[] {
  return [...buildWarnings(facts, needs), ...openPortWarnings(needs.listen)];
}

/** Told before an image was built for an hour. */
function allowanceFailures({ allowances }: HostFacts, { buildPlace }: HostNeeds): string[] {
  if (buildPlace !== "here" || allowances === undefined || allowances.includes("send-images"))
    return [];
  return [
    'An image that is built on this machine ("buildOn" is here) may not be sent through the runner. Build on the ' +
      'server: pulumi config set buildOn server. Or have the administrator add "send-images" to "allow" in the ' +
      "instance's file in /etc/chatalot-deploy/instances.",
  ];
}

function openPortWarnings({ address, port }: HostNeeds["listen"]): string[] {
  if (!isEverywhere(address)) return [];
  return [
    `"listen.address" is ${address}: port ${port} is open to everybody who can reach the server, without ` +
      "encryption, and Docker's rules come before those of ufw. With a reverse proxy on the server, " +
      "127.0.0.1 is right.",
  ];
}

function buildWarnings(facts: HostFacts, { buildPlace }: HostNeeds): string[] {
  if (buildPlace !== undefined && buildPlace !== "server") return [];
  const { memoryMegabytes: memory, dockerDiskMegabytes: disk } = facts;
  const lacks = [
    ...(memory < BUILD_MEMORY_MEGABYTES ? [`${memory} MB of memory (about 2 GB are needed)`] : []),
    ...(disk !== undefined && disk < BUILD_DISK_MEGABYTES
      ? [`${disk} MB of free disk (about 15 GB are needed)`]
      : []),
  ];
  if (lacks.length === 0) return [];
  return [
    `Building Chatalot on this server may be very slow or fail: it has ${lacks.join(" and ")}. ${INSTEAD}`,
  ];
}

function systemFailures(facts: HostFacts): string[] {
  const failures: string[] = [];
  if (facts.system !== "Linux")
    failures.push(`The system is ${facts.system}; only Linux is supported.`);
  if (!["x86_64", "aarch64"].includes(facts.machine))
    failures.push(`The processor is ${facts.machine}; x86_64 and aarch64 are supported.`);
  const glibc = /glibc (\d+\.\d+)/.exec(facts.libc)?.[1];
  if (glibc === undefined)
    failures.push("The C library is not glibc; distributions with musl are not supported.");
  else if (semver.lt(`${glibc}.0`, GLIBC))
    failures.push(`glibc is ${glibc}; 2.28 or newer is needed (Debian 10, Ubuntu 20.04).`);
  if (facts.systemd === undefined)
    failures.push("systemd does not run this machine; updates are run by it, so it is needed.");
  else if (facts.systemd < SYSTEMD)
    failures.push(`systemd is ${facts.systemd}; ${SYSTEMD} or newer is needed.`);
  if (facts.missingTools.length > 0)
    failures.push(
      `Programs are missing: ${facts.missingTools.join(", ")}. Install them (packages util-linux, ` +
        "coreutils, tar, gzip, iproute2).",
    );
  return failures;
}

/** What `prepareServer` will install. */
export function installable(facts: HostFacts): string[] {
  if (facts.docker === undefined) return ["Docker"];
  return [
    ...(facts.compose === undefined ? ["Docker Compose"] : []),
    ...(facts.buildx === undefined ? ["buildx"] : []),
  ];
}

function dockerFailures(facts: HostFacts, { prepareServer }: HostNeeds): string[] {
  if (facts.docker === undefined)
    return prepareServer
      ? []
      : [
          "Docker is not installed. Install Docker 24 or newer with Compose and buildx, or set " +
            "prepareServer to true.",
        ];
  const failures: string[] = [];
  if (facts.docker === "silent")
    failures.push(
      "Docker is installed but does not answer. Start it: systemctl enable --now docker",
    );
  else if (isOlder(facts.docker, DOCKER))
    failures.push(`Docker is ${facts.docker}; ${DOCKER.slice(0, 2)} or newer is needed.`);
  if (facts.rootless)
    failures.push("Docker runs rootless; the updater needs the ordinary, rootful one.");
  if (facts.compose !== undefined && isOlder(facts.compose, COMPOSE))
    failures.push(`Docker Compose is ${facts.compose}; ${COMPOSE} or newer is needed.`);
  if (prepareServer) return failures;
  if (facts.compose === undefined)
    failures.push(
      "Docker Compose is missing. Install the package docker-compose-plugin (or docker-compose 2), " +
        "or set prepareServer to true.",
    );
  if (facts.buildx === undefined)
    failures.push(
      "Docker's buildx is missing. Install the package docker-buildx-plugin (or docker-buildx), " +
        "or set prepareServer to true.",
    );
  return failures;
}

function resourceFailures(facts: HostFacts, { directory, listen }: HostNeeds): string[] {
  const failures: string[] = [];
  if (facts.notFolder !== undefined)
    failures.push(`${facts.notFolder} is no folder, so ${directory} can't be made.`);
  if (facts.unwritable !== undefined)
    failures.push(`${facts.unwritable} can't be written to, so ${directory} can't be used.`);
  const disks = [
    { name: directory, megabytes: facts.diskMegabytes },
    ...(facts.dockerDiskMegabytes === undefined
      ? []
      : [{ name: "Docker's folder", megabytes: facts.dockerDiskMegabytes }]),
  ];
  for (const { name, megabytes } of disks)
    if (megabytes < DISK_MEGABYTES)
      failures.push(
        `The disk of ${name} has ${megabytes} MB free; ${DISK_MEGABYTES} MB are needed.`,
      );
  const owner = portOwner(facts, listen.address);
  if (owner !== undefined)
    failures.push(
      `Port ${listen.port} is used by ${owner}. Stop that, or choose another: pulumi config set --path listen.port ...`,
    );
  return failures;
}

/** Who holds the port, where that is neither our own container nor on another address. */
function portOwner(facts: HostFacts, address: string): string | undefined {
  if (facts.publishesPort) return undefined;
  for (const socket of facts.sockets) {
    const local = socket.split(/\s+/)[3] ?? "";
    const bound = local
      .replace(/:\d+$/, "")
      .replace(/^\[|\]$/g, "")
      .replace(/%.*$/, "");
    const everywhere = ["0.0.0.0", "::", "*"];
    if (!everywhere.includes(bound) && !everywhere.includes(address) && bound !== address) continue;
    const process = /users:\(\("([^"]+)",pid=(\d+)/.exec(socket);
    return process === null ? "another program" : `${process[1]} (process ${process[2]})`;
  }
  return undefined;
}

function isOlder(version: string, wanted: string): boolean {
  const found = semver.coerce(version);
  return found === null || semver.lt(found, wanted);
}
