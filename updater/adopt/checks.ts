/** Whether a chat that something else deployed can be taken over as what the operator's side takes it for. */
import { join } from "node:path";
import type { ComposeDriver } from "../drivers/compose/compose-driver.ts";
import type { RunningChat } from "../drivers/compose/found-chat.ts";
import { readComposeFile } from "../drivers/compose/image.ts";
import { nameExists, readFileIfThere } from "../files.ts";
import { gateFailures } from "../gate.ts";
import { OVERRIDE_NAMES } from "../override.ts";
import { unsafeFolders } from "../ownership.ts";
import type { InstancePaths } from "../paths.ts";
import { commitOf } from "./look.ts";
import type { AdoptRequest } from "./protocol.ts";

/** Reasons that hold before a single file is written, all at once. */
export async function reasonsBeforeWriting(
  paths: InstancePaths,
  request: AdoptRequest,
  chat: RunningChat,
): Promise<string[]> {
  const { configuration, release } = request;
  const reasons: string[] = [];
  const unsafe = await unsafeFolders(paths);
  if (unsafe.length > 0)
    reasons.push(
      `${request.directory} can't be used: ${unsafe.join(", ")}. What runs there as root must be root's ` +
        "alone: change owner and mode, or choose another server.directory.",
    );
  const commit = await commitOf(chat);
  if (commit !== undefined && commit !== release.commit)
    reasons.push(
      `What runs in ${chat.directory} is commit ${commit}, not ${release.commit} (${release.name}). Without ` +
        "--release it is taken for what it is.",
    );
  const volumes = [
    ["the database", chat.databaseVolume, configuration.databaseVolume],
    ["the uploads", chat.filesVolume, configuration.filesVolume],
  ] as const;
  for (const [what, found, wanted] of volumes)
    if (found !== wanted)
      reasons.push(
        `The data of ${what} are ${found === undefined ? "in no volume of Docker's" : `in the volume ${found}`}, ` +
          `and would be looked for in ${wanted}. Move them into a volume first, as docs/adopt.md says.`,
      );
  if (chat.missing.length > 0)
    reasons.push(
      `The chat's secrets can't be read: ${chat.missing.join(", ")} is missing or empty. Without them ` +
        "nobody could log in after an update.",
    );
  if (chat.directory !== paths.directory) reasons.push(...(await strayOverride(paths, chat)));
  return reasons;
}

/** Compose looks for it in the directory; its paths are relative to where it is. */
async function strayOverride(paths: InstancePaths, { directory }: RunningChat): Promise<string[]> {
  for (const name of OVERRIDE_NAMES) {
    const text = await readFileIfThere(join(directory, name));
    if (text === undefined) continue;
    if ((await readFileIfThere(join(paths.directory, name))) === text) return [];
    return [
      `${join(directory, name)} belongs to what runs. Copy it into ${paths.directory} first, and look at the ` +
        "paths in it.",
    ];
  }
  return [];
}

/** Reasons that need the release's tree: whether what runs is that release, and is well. */
export async function reasonsOfRelease(
  paths: InstancePaths,
  driver: ComposeDriver,
  { release }: AdoptRequest,
  chat: RunningChat,
): Promise<string[]> {
  const reasons: string[] = [];
  const wanted = await readComposeFile(join(paths.trees, release.commit));
  for (const file of chat.configFiles.filter((path) => !isOverride(path))) {
    // One that this tool wrote, in an earlier life.
    if (file.startsWith(`${paths.releases}/`) || !(await nameExists(file))) continue;
    if ((await readFileIfThere(file)) !== wanted)
      reasons.push(
        `${file} is not the compose file of ${release.name}. Put it back (git checkout), and what you ` +
          "changed into docker-compose.override.yml beside it.",
      );
  }
  const [health, database] = await Promise.all([driver.health(), driver.database()]);
  const webVersion = health.status === "ok" ? await driver.webVersion() : undefined;
  const image = "of what runs";
  // Nothing of ours is on it yet: that it is the release is shown by all the rest.
  const server = { ...chat.server.facts, commit: release.commit };
  const facts = { server, taggedImageId: server.imageId, health, webVersion, database };
  for (const failure of gateFailures(facts, { release, image }))
    reasons.push(`What runs is not ${release.name}, or is not well: ${failure}.`);
  return reasons;
}

function isOverride(path: string): boolean {
  return OVERRIDE_NAMES.some((name) => path.endsWith(`/${name}`));
}
