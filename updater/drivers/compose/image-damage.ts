/**
 * Images that are listed and are not whole. Docker lists what it has loaded or pulled before it is on
 * the disk: after a loss of power their files have no content (measured), and whoever gets the image
 * once more gets the same layers, which "exist already".
 */
import { CommandError } from "../../command.ts";
import { flush } from "../../flush.ts";
import { docker } from "./docker.ts";

/** Reading a large image from a slow disk. */
const READ_TIMEOUT = 10 * 60_000;

/** What the daemon itself says of content that is not what it once was, or that is gone. */
const DAMAGE =
  /from daemon: .*(?:integrity checksum failed|failed size validation|\bEOF|no such file or directory|content digest \S+ not found|gzip: invalid)/i;

/**
 * Reads an image whole: Docker compares each file with the checksum that it had when it arrived.
 *
 * @returns what is wrong with it; undefined for one that is whole
 */
export async function damageOf(name: string): Promise<string | undefined> {
  try {
    await docker(`read the image ${name}`, ["image", "save", "--", name], {
      timeout: READ_TIMEOUT,
      isDiscarded: true,
    });
    return undefined;
  } catch (error) {
    // Anything else, such as a daemon that went away, says nothing of the image.
    if (!(error instanceof CommandError) || !DAMAGE.test(error.stderr)) throw error;
    return error.stderr.trim().split("\n").at(-1) ?? "";
  }
}

/** Removes the name, so that nothing starts from the image and what is got next is got whole. */
export async function removeDamaged(name: string): Promise<void> {
  await docker("remove a damaged image", ["image", "rm", "--force", "--", name]);
}

/**
 * Makes sure that an image is on the disk as a whole, as before something is to start from it.
 *
 * @throws Error where it isn't; its name is removed then
 */
export async function proveImage(name: string): Promise<void> {
  // Docker lists what it has loaded or pulled before it is on the disk.
  await flush("the images");
  const damage = await damageOf(name);
  if (damage === undefined) return;
  await removeDamaged(name);
  throw new Error(
    `the image ${name} was listed, but not whole, as after a loss of power: ${damage}. It was removed; ` +
      "run pulumi up again to get it once more",
  );
}
