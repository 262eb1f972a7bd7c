/** A file under a second name, so that what happens to the first one doesn't lose it. */
import { constants } from "node:fs";
import { link, open } from "node:fs/promises";

/** The content is not copied, however large it is; both places are on the server. */
export async function keepLink(file: string, target: string): Promise<void> {
  try {
    await link(file, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Set aside by an attempt that was killed.
    if (code === "EEXIST") return;
    if (code !== "EXDEV" && code !== "EPERM" && code !== "EMLINK") throw error;
    await copyAside(file, target);
  }
}

async function copyAside(file: string, target: string): Promise<void> {
  const from = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const to = await open(target, "wx", 0o600);
    try {
      for await (const part of from.createReadStream({ autoClose: false }))
        await to.writeFile(part as Buffer);
      // The server, which is no root, reads it as before where it is put back.
      const { uid, gid, mode } = await from.stat();
      await to.chown(uid, gid);
      await to.chmod(mode & 0o777);
      await to.sync();
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
