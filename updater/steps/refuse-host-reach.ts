/** What a release may not ask of the host where an administrator lets a user deploy through the runner. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { volumeNames } from "../../common/volume-names.ts";
import { imagesToBuild } from "../../release/compose-images.ts";
import type { RenderedRelease } from "../drivers/driver.ts";
import { readComposeFile } from "../drivers/compose/image.ts";
import { hostReach, isWithin } from "../host-reach.ts";
import type { InstancePaths } from "../paths.ts";
import { permitFor } from "../runner/permits.ts";
import { PERMITS_DIRECTORY, type Permit } from "../runner/protocol.ts";

/**
 * Before anything of the release is started. Without a permit everybody who could ask is root, and nothing is
 * looked at.
 *
 * @param tree the release's, absolute
 * @param placed the volume to which an upgrade of the database brought the data, or will: this server named it
 * @throws Error with all that it asks for
 */
export async function refuseHostReach(
  paths: InstancePaths,
  rendered: RenderedRelease,
  tree: string,
  placed: string | undefined,
): Promise<void> {
  const permit = await permitFor(paths.directory);
  if (permit === undefined) return;
  const text = await readFile(join(rendered.directory, "compose.yaml"), "utf8");
  const { profiles, directory } = rendered;
  const reach = await hostReach(text, {
    ...{ profiles, folders: [tree, directory], allow: permit.allow },
    ownVolumes: [
      ...Object.values(volumeNames(permit.project)),
      ...(placed === undefined ? [] : [placed]),
    ],
  });
  refuse(permit, reach);
}

/** Before anything is built: a folder that is a link may be any of the host's. */
export async function refuseBuildsElsewhere(paths: InstancePaths, tree: string): Promise<void> {
  const permit = await permitFor(paths.directory);
  if (permit === undefined || permit.allow.includes("host-access")) return;
  const reach: string[] = [];
  for (const { service, context, dockerfile } of imagesToBuild(await readComposeFile(tree)))
    for (const path of [context, dockerfile])
      if (!(await isWithin(join(tree, path), [tree])))
        reach.push(
          `service ${service} is built from ${path}, which leads out of the release's tree`,
        );
  refuse(permit, reach);
}

function refuse({ project }: Permit, reach: readonly string[]): void {
  if (reach.length === 0) return;
  throw new Error(
    `the release asks for more of the host than the administrator allows: ${reach.join("; ")}. If that is ` +
      `wanted, the administrator adds what it needs to "allow" in ` +
      `${join(PERMITS_DIRECTORY, `${project}.json`)} on the server`,
  );
}
