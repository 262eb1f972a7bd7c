/** The user that an image's server runs as, who alone may read its secrets. */
import { chmod, chown, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RenderedRelease } from "../driver.ts";
import { docker, inspectImage } from "./docker.ts";

/** Compose hands a secret's file over as it is, whatever owner and mode the compose file asks for. */
export async function ownSecrets(release: RenderedRelease, image: string): Promise<void> {
  const { user, group } = await userOf(image);
  const folder = join(release.directory, "secrets");
  for (const name of await readdir(folder)) {
    await chown(join(folder, name), user, group);
    await chmod(join(folder, name), 0o400);
  }
}

/** The numbers of the user; an image that names it by name is asked. */
async function userOf(image: string): Promise<{ user: number; group: number }> {
  const configured = (await inspectImage(image))?.user ?? "";
  const [name, groupName] = configured.split(":");
  if (name === undefined || name === "" || name === "root" || name === "0")
    return { user: 0, group: 0 };
  if (/^\d+$/.test(name))
    return { user: Number(name), group: /^\d+$/.test(groupName ?? "") ? Number(groupName) : 0 };
  const ids = await docker("ask the image for its user", [
    ...["run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"],
    ...["--entrypoint", "id", image],
  ]);
  const match = /uid=(\d+)\S* gid=(\d+)/.exec(ids);
  if (match === null) throw new Error(`ask the image for its user: "id" printed ${ids}`);
  return { user: Number(match[1]), group: Number(match[2]) };
}
