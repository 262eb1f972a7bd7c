/** A backup with a dump, an upload and the keys, in a folder. */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type FileList, LIST_FILE } from "../../../updater/backup-files/file-list.ts";
import { DUMP_FILE, MANIFEST_FILE, manifestText } from "../../../updater/backups.ts";
import type { Copied } from "../../../updater/copies/copy-backup.ts";
import { backup } from "../../cli/backup/samples.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** @param files the text of each by its path, below `uploads` or `configuration` */
export async function writeBackup(
  parent: string,
  name: string,
  dump: string,
  files: Readonly<Record<string, string>>,
): Promise<Copied> {
  const owned = { uid: 0, gid: 0 };
  const list: FileList = {
    format: 1,
    folders: [...new Set(Object.keys(files).map(dirname))].map((path) => ({
      ...{ path, ...owned, mode: 0o700 },
    })),
    files: Object.entries(files).map(([path, text]) => ({
      ...{ path, ...owned, mode: 0o600, size: text.length, modified: 0, sha256: sha256(text) },
    })),
  };
  const folder = join(parent, name);
  const text = JSON.stringify(list);
  const { manifest } = backup(name, {
    kind: "scheduled",
    dump: {
      ...backup().manifest.dump,
      ...{ sha256: sha256(dump), size: dump.length },
    },
    files: {
      ...{ count: list.files.length, size: Object.values(files).join("").length },
      ...{ listSize: text.length, listSha256: sha256(text) },
    },
  });
  await mkdir(folder, { recursive: true });
  for (const [path, content] of [...Object.entries(files), [DUMP_FILE, dump]] as const) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  await writeFile(join(folder, LIST_FILE), text);
  await writeFile(join(folder, MANIFEST_FILE), manifestText(manifest));
  return { folder, backup: { name, manifest }, list };
}
