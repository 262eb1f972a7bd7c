import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf, UserError } from "../../common/errors.ts";
import { withLock } from "../../toolchain/lock.ts";
import { docker, type Outcome, type Report, type RunOptions } from "../commands.ts";
import { ensureBaseImages, ensureBuilt, type BaseImage } from "../images/index.ts";
import { ensureAccess, letIn, writeKnownHosts } from "./access.ts";
import { loadImages } from "./load-images.ts";
import { freePort } from "./ports.ts";
import { readHostKey, waitForDocker, waitForSsh, waitForSystemd } from "./ready.ts";
import { rightsOfAServer } from "./run-arguments.ts";

/** Which demo server {@link bootServer} boots, and how. */
export interface BootOptions {
  /** Tells servers apart: lower-case letters, digits and dashes. */
  name: string;
  /**
   * Folder for the key pair and the known hosts.
   *
   * @default `.demo/servers/<name>` in the checkout
   */
  directory?: string;
  /**
   * Removes a server of this name first, with everything on it.
   *
   * @default false: a running one is used as it is, a stopped one is started
   */
  isFresh?: boolean;
  /** More options of `docker run`, such as a volume on a small disk. Only for a new server. */
  runArguments?: readonly string[];
  report: Report;
}

/** A whole server (systemd, sshd, Docker) in a container on this machine. */
export interface DemoServer {
  name: string;
  /** Where SSH answers. */
  host: "127.0.0.1";
  port: number;
  user: "root";
  /** A second user: not root, in the docker group, with `sudo -n`. The same key opens both. */
  otherUser: "deployer";
  identityFile: string;
  knownHostsFile: string;
  /** The server's host key, read past SSH: `ssh-ed25519 AAAA…`. */
  hostKey: string;
  /** The server's own address: SSH on port 22, and what it publishes to its network. */
  address: string;
  /** Port on this machine's loopback that leads to the server's port 8080, for a browser. */
  webPort: number;
  /** Name of the container. */
  container: string;
  baseImages: readonly BaseImage[];
  /** Runs a program on the server as root, past SSH. */
  exec(argv: readonly string[], options: RunOptions): Promise<Outcome>;
  /** Shuts the server down as an operator would. {@link bootServer} starts it again. */
  stop(): Promise<void>;
  /** Ends the server at once, like a crash. {@link bootServer} starts it again. */
  kill(): Promise<void>;
  /** Removes the server and everything on it. */
  destroy(): Promise<void>;
}

/** Boots a demo server, or finds the one that runs, and resolves when SSH and Docker answer there. */
export async function bootServer(options: BootOptions): Promise<DemoServer> {
  const { name, report } = options;
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error(`not a name of a demo server: ${name}`);
  const lock = { what: `boots the demo server ${name}`, waitSeconds: 1_800, report };
  return withLock(`demo-server-${name}`, lock, () => bootAlone(options));
}

async function bootAlone(options: BootOptions): Promise<DemoServer> {
  const { name, report } = options;
  const container = containerOf(name);
  if (options.isFresh === true) await destroyServer(name);
  const base = await ensureBaseImages(report);
  const baseImages = [base.node, base.postgres];
  await ensureRunning(container, options);
  const directory = resolve(options.directory ?? demoDirectory(name));
  const access = await ensureAccess(directory);
  await waitForSystemd(container);
  await letIn(container, access.publicKey);
  const hostKey = await readHostKey(container);
  const { address, port, webPort } = await readNetwork(container);
  await writeKnownHosts(access.knownHostsFile, hostKey, address, port);
  await waitForSsh(port, access.identityFile, access.knownHostsFile);
  await waitForDocker(container);
  await loadImages(container, baseImages, report);

  return {
    name,
    host: "127.0.0.1",
    port,
    user: "root",
    otherUser: "deployer",
    identityFile: access.identityFile,
    knownHostsFile: access.knownHostsFile,
    hostKey,
    address,
    webPort,
    container,
    baseImages,
    exec: (argv, runOptions) => execOn(container, argv, runOptions),
    stop: async () => {
      await docker("stop the demo server", ["stop", "-t", "120", container], {
        timeout: 180_000,
      });
    },
    kill: async () => {
      await docker("kill the demo server", ["kill", container], { timeout: 30_000 });
    },
    destroy: async () => {
      await destroyServer(name);
    },
  };
}

/** Folder of what belongs to one demo server on the operator's side. */
export function demoDirectory(name: string): string {
  return fileURLToPath(new URL(`../../.demo/servers/${name}`, import.meta.url));
}

/** Whether there is a server of this name, running or not. */
export async function serverExists(name: string): Promise<boolean> {
  return (await stateOf(containerOf(name))) !== undefined;
}

/** Removes the server of this name and everything on it; says whether there was one. */
export async function destroyServer(name: string): Promise<boolean> {
  const container = containerOf(name);
  const existed = (await stateOf(container)) !== undefined;
  const options = { timeout: 120_000, acceptedExitCodes: [0, 1] };
  await docker("remove the demo server", ["rm", "--force", "--volumes", container], options);
  await docker("remove the demo server's disk", ["volume", "rm", "--force", diskOf(name)], options);
  return existed;
}

async function ensureRunning(container: string, options: BootOptions): Promise<void> {
  const state = await stateOf(container);
  if (state === "running") return;
  if (state !== undefined) {
    options.report(`starting the server ${options.name} again`);
    await docker("start the demo server", ["start", container], { timeout: 60_000 });
    return;
  }
  const context = fileURLToPath(new URL("./image/", import.meta.url));
  const image = await ensureBuilt("server", context, options.report);
  options.report(`booting the server ${options.name}`);
  // Two that boot at once would find the same port free.
  const lock = { what: "boots a demo server", waitSeconds: 300, report: options.report };
  await withLock("demo-server-ports", lock, () => create(container, image, options));
}

async function create(container: string, image: string, options: BootOptions): Promise<void> {
  const rights = await rightsOfAServer(image);
  const ssh = await freePort(2222);
  const web = await freePort(8080);
  await docker(
    "boot the demo server",
    [
      ...["run", "--detach", "--name", container, "--hostname", options.name],
      ...["--label", `chatalot-deploy.demo=${options.name}`],
      ...rights,
      `--volume=${diskOf(options.name)}:/var/lib/docker`,
      ...["--tmpfs=/run", "--tmpfs=/tmp:exec,mode=1777"],
      ...[`--publish=127.0.0.1:${ssh}:22`, `--publish=127.0.0.1:${web}:8080`],
      ...(options.runArguments ?? []),
      image,
    ],
    { timeout: 120_000 },
  );
}

async function stateOf(container: string): Promise<string | undefined> {
  const found = await docker(
    "look for the demo server",
    ["container", "inspect", "--format", "{{.State.Status}}", container],
    { timeout: 30_000, acceptedExitCodes: [0, 1] },
  );
  return found.exitCode === 0 ? found.stdout.trim() : undefined;
}

async function readNetwork(
  container: string,
): Promise<{ address: string; port: number; webPort: number }> {
  const format =
    "{{.NetworkSettings.IPAddress}}{{range $port, $to := .NetworkSettings.Ports}} " +
    "{{$port}}={{(index $to 0).HostPort}}{{end}}";
  const found = await docker(
    "read the demo server's addresses",
    ["container", "inspect", "--format", format, container],
    { timeout: 30_000 },
  );
  const text = found.stdout.trim();
  const address = /^[\d.]+/.exec(text)?.[0];
  const port = Number(/ 22\/tcp=(\d+)/.exec(text)?.[1]);
  const webPort = Number(/ 8080\/tcp=(\d+)/.exec(text)?.[1]);
  if (address === undefined || !(port > 0) || !(webPort > 0)) {
    throw new UserError(
      `The container ${container} is not a demo server of this version: it publishes "${text}". ` +
        "Run npm run demo:destroy, then npm start.",
    );
  }
  return { address, port, webPort };
}

async function execOn(
  container: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<Outcome> {
  const { directory, input, ...others } = options;
  const flags = [
    ...(input === undefined ? [] : ["--interactive"]),
    ...(directory === undefined ? [] : ["--workdir", directory]),
  ];
  const exec = (): Promise<Outcome> =>
    docker(
      `run ${argv[0]} on the demo server`,
      ["exec", ...flags, container, ...argv],
      input === undefined ? others : { ...others, input },
    );
  try {
    return await exec();
  } catch (error) {
    // Short of memory for a moment, the runtime gives up before the program runs: nothing was done.
    if (!/exit code 126\. [^]*OCI runtime exec failed/.test(messageOf(error))) throw error;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return await exec();
  }
}

function containerOf(name: string): string {
  return `chatalot-demo-${name}`;
}

function diskOf(name: string): string {
  return `chatalot-demo-${name}-docker`;
}
