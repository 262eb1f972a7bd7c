/** The operator's SQL that takes migrations back, from a folder on this machine. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../common/errors.ts";
import { homePath } from "../common/home-path.ts";
import type { UndoScript } from "../updater/protocol.ts";

/** As much as a request may carry of one. */
const MAXIMUM_BYTES = 1_000_000;

const NAME = /^(\d{1,15})_[^/]*?(\.down)?\.sql$/;

/**
 * Reads all of a folder, one for each migration: where there are `050_x.sql` and `050_x.down.sql`, the
 * latter, since the first is the migration itself then.
 *
 * @param folder absolute, or beginning with `~/`
 * @throws UserError where it can't be read, or two files are for one migration
 */
export async function readUndoScripts(folder: string): Promise<UndoScript[]> {
  const path = homePath(folder);
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    throw problem(folder, `${path} can't be read (${error.code ?? error.message})`, error);
  });
  const chosen = new Map<number, { name: string; isDown: boolean }>();
  for (const name of names.sort()) {
    const [, digits, down] = NAME.exec(name) ?? [];
    if (digits === undefined) continue;
    const [version, isDown] = [Number(digits), down !== undefined];
    const other = chosen.get(version);
    if (other?.isDown === isDown)
      throw problem(folder, `${other.name} and ${name} are for the same migration`);
    if (other === undefined || isDown) chosen.set(version, { name, isDown });
  }
  return Promise.all(
    [...chosen].map(async ([version, { name }]) => {
      const file = join(path, name);
      if ((await stat(file)).size > MAXIMUM_BYTES)
        throw problem(folder, `${name} has more than ${MAXIMUM_BYTES} bytes`);
      return { version, sql: await readFile(file, "utf8") };
    }),
  );
}

function problem(folder: string, cause: string, error?: unknown): UserError {
  return new UserError(
    `The undo scripts in ${folder} can't be used: ${cause}. Nothing was changed. Put one file for each ` +
      "migration there, such as 050_thumbnails.sql.",
    { cause: error },
  );
}
