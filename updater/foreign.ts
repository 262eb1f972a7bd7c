/** What is on a server that this tool did not put there and that a deployment would write over. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CommandError } from "./command.ts";
import { docker, volumeMountpoint } from "./drivers/compose/docker.ts";
import { nameExists } from "./files.ts";
import type { InstancePaths } from "./paths.ts";

const FILES = [
  ".env",
  "secrets",
  "compose.yaml",
  "compose.yml",
  "docker-compose.yml",
  "docker-compose.yaml",
];

/** Container names that upstream's compose file fixes. */
const CONTAINERS = ["chatalot-server", "chatalot-db"];

/** Undefined where there is no Docker. */
async function containersIfAny(): Promise<string | undefined> {
  try {
    return await docker("list the containers", [
      ...["ps", "--all", "--format", '{{.Names}}\t{{.Label "com.docker.compose.project"}}'],
    ]);
  } catch (error) {
    if (error instanceof CommandError && error.isNotInstalled) return undefined;
    throw error;
  }
}

/** In words, each with its name. Empty: the server is free for a first deployment. */
export async function findForeign(
  paths: InstancePaths,
  project: string,
  volumes: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const file of FILES)
    if (await nameExists(join(paths.directory, file)))
      found.push(`the file ${join(paths.directory, file)}`);

  const containers = await containersIfAny();
  // What a new server has no program for, it has none of.
  if (containers === undefined) return found;
  for (const line of containers.split("\n").filter((text) => text !== "")) {
    const [name = "", owner = ""] = line.split("\t");
    if (owner === project || CONTAINERS.includes(name)) found.push(`the container ${name}`);
  }

  for (const volume of volumes) {
    const mountpoint = await volumeMountpoint(volume);
    if (mountpoint !== undefined && (await readdir(mountpoint)).length > 0)
      found.push(`data in the volume ${volume}`);
  }
  return found;
}
