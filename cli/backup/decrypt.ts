/**
 * `npx chatalot backup decrypt`: an encrypted copy, opened with a private key that no server has, becomes a
 * backup as `fetch` brings one.
 */
import { mkdir, mkdtemp, open, readFile, rename, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { messageOf, UserError } from "../../common/errors.ts";
import { describeBytes } from "../../common/size.ts";
import { parseFileList } from "../../updater/backup-files/compare.ts";
import { makeFolders, partsOf } from "../../updater/backup-files/content.ts";
import { type FileList, LIST_FILE } from "../../updater/backup-files/file-list.ts";
import { DUMP_FILE, MANIFEST_FILE, manifestText } from "../../updater/backups.ts";
import { decrypted, ENCRYPTED } from "../../updater/copies/cipher.ts";
import { nameExists, sha256OfFile, syncDirectory, writeFileDurably } from "../../updater/files.ts";
import { readManifest } from "../restore/folder.ts";
import type { CommandContext } from "../terminal.ts";
import { refuseTaken } from "./fetch.ts";

export interface DecryptOptions {
  /** A file with private keys, as age-keygen writes it. */
  identity: string;
  /** The folder that it is put into. @default the present one */
  to?: string;
}

/**
 * @param path the copy's folder
 * @returns where the backup is
 * @throws UserError where it is none, no key opens it, or it is not what was written
 */
export async function decryptCopy(
  path: string,
  { identity, to = "." }: DecryptOptions,
  { tell, status }: Pick<CommandContext, "tell" | "status">,
): Promise<string> {
  const folder = resolve(path);
  const name = basename(folder);
  const destination = join(resolve(to), name);
  await refuseTaken(destination);
  const identities = await readIdentities(identity);
  try {
    if (!(await nameExists(join(folder, `${DUMP_FILE}${ENCRYPTED}`))))
      throw new Error(`there is no ${DUMP_FILE}${ENCRYPTED} in it`);
    const manifest = await readManifest(folder);
    const text =
      manifest.files === undefined ? undefined : await readFile(join(folder, LIST_FILE), "utf8");
    const list =
      text === undefined || manifest.files === undefined
        ? undefined
        : parseFileList(text, manifest.files);
    await mkdir(resolve(to), { recursive: true, mode: 0o700 });
    const partial = await mkdtemp(join(resolve(to), `.${name}.`));
    try {
      await makeFolders(partial, list);
      await openAll({ folder, partial, identities, status }, partsOf(manifest, list));
      if (text !== undefined) await writeFileDurably(join(partial, LIST_FILE), text);
      await writeFileDurably(join(partial, MANIFEST_FILE), manifestText(manifest));
      await rename(partial, destination);
      await syncDirectory(resolve(to));
    } finally {
      // Not there any more where all went well.
      await rm(partial, { recursive: true, force: true });
    }
    tell(
      `DECRYPTED ${destination}: ${describeBytes(bytesOf(manifest.dump.size, list))}, with the SHA-256 that was ` +
        "written on the server. Bring it back: npx chatalot restore --from",
    );
    return destination;
  } catch (error) {
    throw new UserError(
      `The copy in ${folder} can't be opened: ${messageOf(error)}. Nothing was written.`,
      {
        cause: error,
      },
    );
  }
}

interface Opening {
  folder: string;
  partial: string;
  identities: readonly string[];
  status: (text: string) => void;
}

async function openAll(
  { folder, partial, identities, status }: Opening,
  parts: readonly { path: string; sha256: string }[],
): Promise<void> {
  for (const [index, { path, sha256 }] of parts.entries()) {
    status(`${index + 1} of ${parts.length} files`);
    const target = join(partial, path);
    const file = await open(target, "wx", 0o600);
    try {
      const content = await decrypted(join(folder, `${path}${ENCRYPTED}`), identities);
      for await (const chunk of content) await file.writeFile(chunk as Uint8Array);
      await file.sync();
    } catch (error) {
      throw new Error(`${JSON.stringify(path)}: ${messageOf(error)}`, { cause: error });
    } finally {
      await file.close();
    }
    const found = await sha256OfFile(target);
    if (found !== sha256)
      throw new Error(
        `${JSON.stringify(path)} has the SHA-256 ${found}, and ${sha256} was written`,
      );
  }
}

/** The keys of a file, without its comments; none is ever shown. */
async function readIdentities(file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new UserError(`The private key can't be read: ${messageOf(error)}. Name its file.`, {
      cause: error,
    });
  }
  const keys = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("AGE-SECRET-KEY-"));
  if (keys.length === 0)
    throw new UserError(
      `The private key can't be read: ${file} has no line that begins with AGE-SECRET-KEY-. Name a file that ` +
        "age-keygen has written.",
    );
  return keys;
}

function bytesOf(dump: number, list: FileList | undefined): number {
  return (list?.files ?? []).reduce((bytes, { size }) => bytes + size, dump);
}
