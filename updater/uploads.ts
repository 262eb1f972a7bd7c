/**
 * Uploads that an older database knows nothing of: the server deletes files without a row two hours
 * after its start, so they are kept under another name before such a database starts.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Driver } from "./drivers/driver.ts";
import { makeDirectoryDurably, nameExists } from "./files.ts";
import { HeldFolder, inFolder } from "./held-folder.ts";
import { keepLink } from "./keep-link.ts";
import type { InstancePaths } from "./paths.ts";

interface Place {
  paths: InstancePaths;
  driver: Pick<Driver, "volumeFolder">;
  /** Docker's name of the volume with the uploads. */
  volume: string;
  sequence: number;
}

/** The files of the volume that came since a moment; none where there is no such volume. */
export async function uploadsSince(
  driver: Pick<Driver, "volumeFolder">,
  volume: string,
  since: number,
): Promise<string[]> {
  const folder = await driver.volumeFolder(volume);
  return folder === undefined ? [] : filesSince(folder, since);
}

/**
 * Links (or copies, onto another disk) every file that came since a moment.
 *
 * @param known files that the older database knows nevertheless, by their paths in the volume
 * @returns a sentence for the operator; undefined where there was no such file
 */
export async function setAsideUploads(
  { paths, driver, volume, sequence }: Place,
  since: number,
  known: ReadonlySet<string> = new Set(),
): Promise<string | undefined> {
  const folder = await driver.volumeFolder(volume);
  if (folder === undefined) return undefined;
  const destination = setAsideFolder(paths, sequence);
  let kept = 0;
  await eachFile(folder, since, async (held, path) => {
    const name = path.join("/");
    if (known.has(name)) return;
    const target = join(destination, name);
    if (kept === 0) await makeDirectoryDurably(destination);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await keepLink(held.path(path.at(-1) ?? ""), target);
    kept += 1;
  });
  return kept === 0
    ? undefined
    : `${kept} uploads that the older database does not know are kept in ${destination}`;
}

/**
 * Puts back what a job set aside, for a database that knows these files. Files that are there stay.
 *
 * @returns a sentence for the operator; undefined where there was nothing to put back
 */
export async function putBackUploads(
  { paths, driver, volume }: Omit<Place, "sequence">,
  sequence: number,
): Promise<string | undefined> {
  const folder = await driver.volumeFolder(volume);
  const source = setAsideFolder(paths, sequence);
  if (folder === undefined || !(await nameExists(source))) return undefined;
  let count = 0;
  const root = await HeldFolder.open(folder);
  try {
    await eachFile(source, 0, async (held, path) => {
      const name = path.at(-1) ?? "";
      // The server may have put a link in the place of a folder meanwhile: it is refused, and not followed.
      const isNew = await inFolder(
        root,
        path.slice(0, -1),
        async (parent) => {
          if ((await parent.factsOf(name)) !== undefined) return false;
          await keepLink(held.path(name), parent.path(name));
          return true;
        },
        { make: true },
      );
      if (isNew) count += 1;
    });
  } finally {
    await root.close();
  }
  return count === 0 ? undefined : `${count} uploads were put back from ${source}`;
}

/** Where a job keeps what it takes away of the uploads. */
export function setAsideFolder(paths: InstancePaths, sequence: number): string {
  return join(paths.setAside, String(sequence).padStart(6, "0"));
}

async function filesSince(folder: string, since: number): Promise<string[]> {
  const files: string[] = [];
  await eachFile(folder, since, async (_held, path) => void files.push(join(folder, ...path)));
  return files;
}

/** Names are looked up from folders that are held open: a link in one's place could lead anywhere. */
async function eachFile(
  top: string,
  since: number,
  visit: (folder: HeldFolder, path: readonly string[]) => Promise<void>,
): Promise<void> {
  const walk = async (folder: HeldFolder, above: readonly string[]): Promise<void> => {
    for (const entry of await folder.entries()) {
      const path = [...above, entry.name];
      if (entry.isDirectory()) await inFolder(folder, [entry.name], (below) => walk(below, path));
      const facts = entry.isFile() ? await folder.factsOf(entry.name) : undefined;
      if (facts?.isFile() === true && facts.ctimeMs >= since) await visit(folder, path);
    }
  };
  const root = await HeldFolder.open(top);
  try {
    await walk(root, []);
  } finally {
    await root.close();
  }
}
