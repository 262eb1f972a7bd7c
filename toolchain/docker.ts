import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { UserError } from "../common/errors.ts";
import { cachePath } from "../common/cache.ts";
import { readJson, writeAtomically } from "./cache.ts";
import { withLock } from "./lock.ts";
import { runStep, type Report } from "./steps.ts";

/** The Docker daemon of this machine. */
export interface DockerDaemon {
  /** Its version, as `20.10.24`. */
  version: string;
  /** This project started it. It goes on running after the process that started it. */
  startedHere: boolean;
}

/** How long a daemon may take to answer once, in seconds. */
const answerLimitSeconds = 20;
/** How long a daemon may take to come up, in seconds. */
const startLimitSeconds = 90;
/** How long each call of apt-get may take, in seconds. */
const aptLimitSeconds = 600;

const logFile = () => cachePath("docker", "dockerd.log");
const recordFile = () => cachePath("docker", "daemon.json");
const pidFile = "/var/run/docker.pid";

const installIt = "Install Docker (docker.io on Debian and Ubuntu), start it and start again.";

/**
 * Makes sure that a Docker daemon answers on this machine. On a Debian or Ubuntu without one it is
 * installed and started, if this is root; where no systemd runs, as in a container, by hand.
 *
 * @throws UserError that says what to do, where that is not possible
 */
export async function ensureDocker(report: Report): Promise<DockerDaemon> {
  const ready = await answeringDaemon();
  if (ready !== undefined) return ready;
  const { DOCKER_HOST } = process.env;
  if (DOCKER_HOST) {
    throw new UserError(
      `Docker does not answer: nothing usable is at DOCKER_HOST=${DOCKER_HOST}. ` +
        "Correct it, or unset it to use this machine's Docker.",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new UserError(
      "Docker does not answer: there is no daemon, or this user may not use it. " +
        "Start Docker and add this user to the group docker, or start this as root.",
    );
  }
  const lock = { what: "sets up Docker", waitSeconds: 30 * 60, report };
  return withLock("docker", lock, async () => {
    const made = await answeringDaemon();
    if (made !== undefined) return made;
    await installPackages(report);
    return (await answeringDaemon()) ?? startDaemon(report);
  });
}

async function answeringDaemon(): Promise<DockerDaemon | undefined> {
  const result = await execa("docker", ["info", "--format", "{{.ServerVersion}}"], {
    reject: false,
    timeout: answerLimitSeconds * 1000,
  });
  // The client alone prints an empty version and, in some releases, succeeds.
  const version = result.failed ? "" : result.stdout.trim();
  return version ? { version, startedHere: await startedHere() } : undefined;
}

/** Whether the daemon that runs is the one that an earlier call started. */
async function startedHere(): Promise<boolean> {
  const record = await readJson(recordFile());
  if (typeof record !== "object" || record === null || !("pid" in record)) return false;
  return (await daemonPid()) === String(record.pid);
}

/** Installs what is missing of the daemon and of what the demo server's image is made with. */
async function installPackages(report: Report): Promise<void> {
  if (!(await exists("/usr/bin/apt-get"))) {
    throw new UserError(`Docker can't be installed: this system has no apt-get. ${installIt}`);
  }
  const needed: [command: string, packageName: string][] = [
    ["/usr/sbin/dockerd", "docker.io"],
    ["/usr/sbin/iptables", "iptables"],
    ["/usr/sbin/debootstrap", "debootstrap"],
  ];
  const missing: string[] = [];
  for (const [command, packageName] of needed) {
    // Docker's own packages put the daemon elsewhere.
    const found = (await exists(command)) || (await exists(command.replace("/sbin/", "/bin/")));
    if (!found) missing.push(packageName);
  }
  if (missing.length > 0) {
    await apt("read the lists of packages", ["update"], report);
    await apt(`install ${missing.join(", ")}`, ["install", ...missing], report);
  }
  // From Debian 13 on the command is a package of its own, which docker.io only recommends.
  const client = await execa("docker", ["--version"], { reject: false, timeout: 20_000 });
  if (client.failed) await apt("install docker-cli", ["install", "docker-cli"], report);
}

async function apt(what: string, args: string[], report: Report): Promise<void> {
  const options = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
  await runStep(what, ["apt-get", ...options, ...args], {
    limitSeconds: aptLimitSeconds,
    report,
    environment: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    whenItFails: installIt,
  });
}

async function startDaemon(report: Report): Promise<DockerDaemon> {
  if (await exists("/run/systemd/system")) {
    await runStep("start Docker", ["systemctl", "start", "docker"], {
      limitSeconds: startLimitSeconds,
      report,
      whenItFails: "See `journalctl -u docker`.",
    });
    const daemon = await answeringDaemon();
    if (daemon !== undefined) return { ...daemon, startedHere: true };
    throw new UserError(
      "Docker does not answer: systemd says that it runs. See `journalctl -u docker`.",
    );
  }
  report(`Starting dockerd by hand, since no systemd runs here. Its log: ${logFile()}`);
  await removeStalePidFile();
  const child = await spawnDaemon();
  const started = Date.now();
  while (Date.now() - started < startLimitSeconds * 1000) {
    await sleep(500);
    const daemon = await answeringDaemon();
    if (daemon !== undefined) {
      // The installation's own, where its package has just started one: ours has ended then.
      await writeAtomically(recordFile(), JSON.stringify({ pid: Number(await daemonPid()) }));
      child.unref();
      return { ...daemon, startedHere: true };
    }
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (hasEnded && (await daemonPid()) === undefined) break;
  }
  const ended = child.exitCode ?? child.signalCode;
  if (ended === null) child.kill();
  const cause =
    ended === null ? `no answer after ${startLimitSeconds} s` : `dockerd ended with ${ended}`;
  throw new UserError(
    `Docker could not be started: ${cause}. See ${logFile()}, correct the cause and start again.` +
      `\n${await endOfLog()}`,
  );
}

/** Starts a daemon that outlives this process, and what its terminal sends. */
async function spawnDaemon(): Promise<ChildProcess> {
  await mkdir(path.dirname(logFile()), { recursive: true });
  const log = await open(logFile(), "w");
  try {
    const search = [await legacyIptables(), process.env.PATH, "/usr/sbin:/sbin"];
    const PATH = search.filter((part) => part !== undefined).join(":");
    const child = spawn("dockerd", [], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...process.env, PATH },
    });
    // The exit code or this: either ends the wait for an answer.
    child.on("error", () => undefined);
    return child;
  } finally {
    await log.close();
  }
}

/**
 * A folder with an `iptables` that works, where the system's own does not: on a kernel without
 * nftables only the legacy one does. The system's choice stays as it is.
 */
async function legacyIptables(): Promise<string | undefined> {
  const works = async (command: string) => {
    const result = await execa(command, ["--table", "nat", "--list", "--numeric"], {
      reject: false,
      timeout: 10_000,
    });
    return !result.failed;
  };
  if (await works("/usr/sbin/iptables")) return undefined;
  if (!(await works("/usr/sbin/iptables-legacy"))) return undefined;
  const directory = cachePath("docker", "bin");
  for (const name of ["iptables", "ip6tables"]) {
    const script = `#!/bin/sh\nexec /usr/sbin/${name}-legacy "$@"\n`;
    await writeAtomically(path.join(directory, name), script, 0o755);
  }
  return directory;
}

/** In a container that was started anew the number in the file can be another process's. */
async function removeStalePidFile(): Promise<void> {
  if ((await daemonPid()) === undefined) await rm(pidFile, { force: true });
}

/** The process id of a daemon that runs, though it may not answer yet. */
async function daemonPid(): Promise<string | undefined> {
  const pid = (await readFile(pidFile, "utf8").catch(() => "")).trim();
  if (pid === "") return undefined;
  const command = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
  return command.trim() === "dockerd" ? pid : undefined;
}

async function endOfLog(): Promise<string> {
  const text = await readFile(logFile(), "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-10).join("\n");
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
