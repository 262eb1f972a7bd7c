/** A newer major version of PostgreSQL on the server of the tests. */
import { ensureNewerPostgres } from "../../../demo/images/index.ts";
import type { DemoServer } from "../../../demo/server/index.ts";
import { loadImages } from "../../../demo/server/load-images.ts";
import { shell } from "./looks.ts";

/** As a registry would have it. */
export const NEWER = "postgres:18";

/** Puts it there, once for each server. */
export async function loadNewerPostgres(demo: DemoServer): Promise<void> {
  const report = (): void => undefined;
  await loadImages(demo.container, [await ensureNewerPostgres(report)], report);
}

/**
 * Makes another image of it.
 *
 * @param name its whole name, whose tag begins with the version
 * @param lines more of a Dockerfile
 */
export async function makeNewerPostgres(
  demo: DemoServer,
  name: string,
  lines: readonly string[],
): Promise<void> {
  const dockerfile = [`FROM ${NEWER}`, ...lines, ""].join("\n");
  await demo.exec(
    ["docker", "buildx", "build", "--quiet", "--load", "--provenance=false", `--tag=${name}`, "-"],
    { timeout: 120_000, input: dockerfile },
  );
}

/** Where a container's volume of PostgreSQL is mounted, `<volume> <place>`. */
export async function databaseMounts(demo: DemoServer, container: string): Promise<string[]> {
  const format = "{{range .Mounts}}{{.Name}} {{.Destination}}{{println}}{{end}}";
  const mounts = await shell(demo, `docker container inspect --format '${format}' "$1"`, container);
  return mounts.split("\n").filter((line) => line !== "");
}

/** Names of all volumes of the database. */
export async function databaseVolumes(demo: DemoServer): Promise<string[]> {
  const names = await shell(demo, "docker volume ls --quiet --filter name=postgres_data | sort");
  return names.split("\n");
}
