/**
 * A folder that is held open while root works in it. A service that owns the folder can put a link in the
 * place of a folder at any moment; names that are looked up from an open folder, and refuse links, can't
 * lead out of it whatever is changed meanwhile. Linux shows an open folder under /proc/self/fd.
 */
import { constants, type Dirent, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir } from "node:fs/promises";

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export class HeldFolder {
  private constructor(private readonly handle: FileHandle) {}

  /** @param path is trusted, as far as its last part: that may not be a link */
  static async open(path: string): Promise<HeldFolder> {
    return new HeldFolder(await open(path, FOLDER));
  }

  /** The folder of a name in this one. @throws where that is a link, or no folder */
  async folder(name: string): Promise<HeldFolder> {
    return new HeldFolder(await open(this.path(name), FOLDER));
  }

  /**
   * The same, made where there is none.
   *
   * @returns whether it was made
   */
  async makeFolder(name: string): Promise<{ folder: HeldFolder; made: boolean }> {
    let made = true;
    try {
      await mkdir(this.path(name), { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      made = false;
    }
    return { folder: await this.folder(name), made };
  }

  /** Where a name in this folder is, as long as the folder is held. Whoever uses it must not follow links. */
  path(name: string): string {
    if (name === "" || name === "." || name === ".." || name.includes("/"))
      throw new Error(`${JSON.stringify(name)} is not a name in a folder`);
    return `/proc/self/fd/${this.handle.fd}/${name}`;
  }

  async entries(): Promise<Dirent[]> {
    return readdir(`/proc/self/fd/${this.handle.fd}`, { withFileTypes: true });
  }

  async facts(): Promise<Stats> {
    return this.handle.stat();
  }

  /** Undefined where there is nothing of that name. */
  async factsOf(name: string): Promise<Stats | undefined> {
    try {
      return await lstat(this.path(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Gives the folder an owner and a mode. */
  async own({ uid, gid, mode }: { uid: number; gid: number; mode: number }): Promise<void> {
    await this.handle.chown(uid, gid);
    await this.handle.chmod(mode);
  }

  async sync(): Promise<void> {
    await this.handle.sync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/**
 * Does something in a folder below another one, which can be made where it is missing: as the one that it is
 * in. Lets go of both.
 *
 * @param path of names, each in the one before: `uploads/ab`. Empty: the folder itself
 */
export async function inFolder<T>(
  root: HeldFolder,
  path: readonly string[],
  work: (folder: HeldFolder) => Promise<T>,
  { make = false }: { make?: boolean } = {},
): Promise<T> {
  const [name, ...rest] = path;
  if (name === undefined) return work(root);
  const { folder, made } = make
    ? await root.makeFolder(name)
    : { folder: await root.folder(name), made: false };
  try {
    // Root's own would be closed to the server that the folder above belongs to.
    if (made) {
      const { uid, gid, mode } = await root.facts();
      await folder.own({ uid, gid, mode: mode & 0o777 });
    }
    return await inFolder(folder, rest, work, { make });
  } finally {
    await folder.close();
  }
}
