/** A chat as Docker has it, whoever started it: what taking it over needs to know. */
import { readFile } from "node:fs/promises";
import { DATABASE_SERVICE, MAIN_SERVICE } from "../../../release/compose-file.ts";
import type { Listen } from "../../owner-guard.ts";
import type { InstanceSecrets } from "../../protocol.ts";
import {
  containerOf,
  type DockersContainer,
  docker,
  listContainers,
  rawContainer,
} from "./docker.ts";
import { inspectImage, type InspectedContainer } from "./docker.ts";
import { SERVER_PORT } from "./health.ts";

/** Where the containers have their data (upstream's compose file). */
const DATABASE_FOLDER = "/var/lib/postgresql";
const FILES_FOLDER = "/app/data/files";

/** What runs. */
export interface RunningChat {
  server: InspectedContainer;
  /** Compose's folder, and the files that it read. */
  directory: string;
  configFiles: string[];
  listen?: Listen;
  databaseVolume?: string;
  filesVolume?: string;
  /** By the service's name, with Compose's digest of each; without the server. */
  services: Map<string, string>;
  /** Undefined where one of them can't be read; `missing` says which. */
  secrets?: InstanceSecrets;
  missing: string[];
}

/** @returns why there is none, where nothing of the project runs as a chat does */
export async function findRunningChat(project: string): Promise<RunningChat | string> {
  const containers = (await listContainers(project)).filter(({ state }) => state === "running");
  const of = (service: string) => containers.find((found) => found.service === service);
  const [main, data] = [of(MAIN_SERVICE), of(DATABASE_SERVICE)];
  if (main === undefined || data === undefined)
    return (
      `no container of service "${main === undefined ? MAIN_SERVICE : DATABASE_SERVICE}" of the Compose ` +
      `project "${project}" runs`
    );
  const [server, database] = await Promise.all([rawContainer(main.id), rawContainer(data.id)]);
  if (server === undefined || database === undefined) return "a container is gone meanwhile";
  const inspected = containerOf(server);
  const secrets = await secretsOf(server, inspected, containerOf(database));
  const listen = listenOf(server);
  const databaseVolume = volumeAt(database, DATABASE_FOLDER);
  const filesVolume = volumeAt(server, FILES_FOLDER);
  return {
    server: inspected,
    directory: label(server, "com.docker.compose.project.working_dir"),
    configFiles: label(server, "com.docker.compose.project.config_files").split(","),
    ...(listen === undefined ? {} : { listen }),
    ...(databaseVolume === undefined ? {} : { databaseVolume }),
    ...(filesVolume === undefined ? {} : { filesVolume }),
    services: new Map(
      containers
        .filter(({ service }) => service !== MAIN_SERVICE)
        .map(({ service, configHash }) => [service, configHash]),
    ),
    ...secrets,
  };
}

function label({ Config }: DockersContainer, name: string): string {
  return Config.Labels?.[name] ?? "";
}

/** Docker's name of the volume that is mounted at a folder or right below it. */
function volumeAt({ Mounts }: DockersContainer, folder: string): string | undefined {
  return Mounts.find(
    ({ Type, Destination }) =>
      Type === "volume" && (Destination === folder || Destination.startsWith(`${folder}/`)),
  )?.Name;
}

/** The first address: one for IPv6 beside it says the same. */
function listenOf({ HostConfig }: DockersContainer): Listen | undefined {
  const [binding] = HostConfig.PortBindings?.[`${SERVER_PORT}/tcp`] ?? [];
  if (binding === undefined) return undefined;
  return {
    address: binding.HostIp === "" ? "0.0.0.0" : binding.HostIp,
    port: Number(binding.HostPort),
  };
}

/**
 * From what the containers have, not from files that may have been edited since: those are the values that
 * the data were made with.
 */
async function secretsOf(
  server: DockersContainer,
  { environment }: InspectedContainer,
  database: InspectedContainer,
): Promise<Pick<RunningChat, "secrets" | "missing">> {
  const databasePassword = database.environment.get("POSTGRES_PASSWORD") ?? "";
  const totpEncryptionKey = environment.get("TOTP_ENCRYPTION_KEY") ?? "";
  const [jwtPrivateKey, jwtPublicKey] = await Promise.all(
    ["JWT_PRIVATE_KEY_PATH", "JWT_PUBLIC_KEY_PATH"].map((name) =>
      mountedFile(server, environment.get(name) ?? ""),
    ),
  );
  const found = { databasePassword, totpEncryptionKey, jwtPrivateKey, jwtPublicKey };
  const names: Record<keyof InstanceSecrets, string> = {
    databasePassword: "the database's password (POSTGRES_PASSWORD of its container)",
    totpEncryptionKey: "TOTP_ENCRYPTION_KEY of the server's container",
    jwtPrivateKey: "the file of JWT_PRIVATE_KEY_PATH",
    jwtPublicKey: "the file of JWT_PUBLIC_KEY_PATH",
  };
  const missing = (Object.keys(names) as (keyof InstanceSecrets)[])
    .filter((name) => (found[name] ?? "") === "")
    .map((name) => names[name]);
  return missing.length > 0 ? { missing } : { missing, secrets: found as InstanceSecrets };
}

/** A file of the host that a container sees under another name. */
async function mountedFile(
  { Mounts }: DockersContainer,
  path: string,
): Promise<string | undefined> {
  const mount = Mounts.find(({ Destination }) => Destination === path);
  if (mount === undefined) return undefined;
  try {
    return await readFile(mount.Source, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Gives the image that runs our name and the label with its commit, by an image made from it, which adds
 * nothing else: what is started again after an update that failed has to be told from others.
 */
export async function labelImage(
  imageId: string,
  name: string,
  label: { name: string; value: string },
): Promise<string> {
  const there = await inspectImage(name);
  if (there?.commit === label.value && there.id === imageId) return imageId;
  // A build finds what it begins with by a name only.
  const begin = `${name}-found`;
  await docker("name the image that runs", ["tag", imageId, begin]);
  try {
    await docker(
      "label the image that runs",
      [
        ...["buildx", "build", "--load", "--quiet", "--provenance=false", "--network=none"],
        ...["--tag", name, "--label", `${label.name}=${label.value}`, "-"],
      ],
      { stdin: `FROM ${begin}\n`, timeout: 300_000 },
    );
  } finally {
    await docker("remove a name", ["image", "rm", begin]).catch(() => undefined);
  }
  const made = await inspectImage(name);
  if (made?.commit !== label.value)
    throw new Error(
      `the image ${name} was made, but is labelled ${made?.commit ?? "with no commit"}`,
    );
  return made.id;
}
