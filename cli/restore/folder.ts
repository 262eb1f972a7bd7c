/** A backup in a folder of this machine, as `npx chatalot backup fetch` puts it there. */
import { lstat, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";
import { messageOf, UserError } from "../../common/errors.ts";
import type { BroughtBackup } from "../../provider/server/server-backups.ts";
import { differenceOf, parseFileList } from "../../updater/backup-files/compare.ts";
import { partsOf, sendContent } from "../../updater/backup-files/content.ts";
import { type FileList, LIST_FILE } from "../../updater/backup-files/file-list.ts";
import { backupManifestSchema } from "../../updater/backup-manifest.ts";
import { type BackupManifest, DUMP_FILE, MANIFEST_FILE } from "../../updater/backups.ts";
import { ENCRYPTED } from "../../updater/copies/cipher.ts";
import { nameExists, sha256OfFile } from "../../updater/files.ts";
import { backupNameSchema } from "../../updater/protocol.ts";

/** No manifest is longer: the counts of some thousand tables. */
const MAXIMUM_MANIFEST = 16 * 1024 ** 2;

/** A backup that was compared with its manifest. */
export interface LocalBackup extends BroughtBackup {
  folder: string;
  files: FileList | undefined;
}

/**
 * Reads a backup and compares all of it with what was written.
 *
 * @throws UserError where it is none, is not whole, or is not what was written
 */
export async function readLocalBackup(path: string): Promise<LocalBackup> {
  const folder = resolve(path);
  const name = basename(folder);
  try {
    if (!backupNameSchema.safeParse(name).success)
      throw new Error(
        `its folder must have the name that it has on the server, such as 000012-20260301T201500Z`,
      );
    if (await nameExists(join(folder, `${DUMP_FILE}${ENCRYPTED}`)))
      throw new Error(`it is encrypted; open it first: npx chatalot backup decrypt ${path}`);
    const manifest = await readManifest(folder);
    if (parseInt(name, 10) !== manifest.sequence)
      throw new Error(`its manifest is that of job ${manifest.sequence}, not of ${name}`);
    const found = await sha256OfFile(join(folder, DUMP_FILE));
    if (found !== manifest.dump.sha256)
      throw new Error(`its dump has the SHA-256 ${found}, and ${manifest.dump.sha256} was written`);
    if (manifest.files === undefined) return { folder, name, manifest, files: undefined };
    const list = await readFile(join(folder, LIST_FILE), "utf8");
    const files = parseFileList(list, manifest.files);
    const difference = await differenceOf(folder, files);
    if (difference !== undefined) throw new Error(difference);
    return { folder, name, manifest, list, files };
  } catch (error) {
    throw new UserError(
      `The backup in ${folder} can't be used: ${messageOf(error)}. Nothing was changed. Fetch it anew: npx ` +
        "chatalot backup fetch",
      { cause: error },
    );
  }
}

/** The bytes of its files, for the server. */
export function contentOf({ folder, manifest, files }: LocalBackup): Readable {
  const stream = new PassThrough();
  sendContent(folder, partsOf(manifest, files), stream).then(
    () => stream.end(),
    (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return stream;
}

/** @throws where it is none */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const path = join(folder, MANIFEST_FILE);
  const facts = await lstat(path);
  if (!facts.isFile() || facts.size > MAXIMUM_MANIFEST)
    throw new Error(`its ${MANIFEST_FILE} is not a file of at most ${MAXIMUM_MANIFEST} bytes`);
  const parsed = backupManifestSchema.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(
    `its ${MANIFEST_FILE} is wrong at ${JSON.stringify(issue?.path.join("."))}: ${issue?.message ?? "?"}`,
  );
}
