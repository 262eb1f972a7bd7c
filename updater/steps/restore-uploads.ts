/** The uploads of the backup whose database takes the live one's place. */
import { counted } from "../../common/text.ts";
import { UPLOADS } from "../backup-files/file-list.ts";
import { bytesToRestore, restoreUploads } from "../backup-files/restore.ts";
import { backupFolder, fileListOf, readBackup } from "../backups.ts";
import type { KeptDatabase } from "../protocol.ts";
import { setAsideFolder } from "../uploads.ts";
import { type JobContext, switchTarget } from "./step.ts";

/** How many bytes will be written where the uploads are. */
export async function spaceForUploads(
  context: JobContext,
  chosen: KeptDatabase | undefined,
): Promise<number> {
  const found = await uploadsOf(context, chosen);
  return found === undefined ? 0 : bytesToRestore(found.list, found.uploads);
}

/**
 * Puts back what is missing, while the chat serves, and once more after its stop.
 *
 * @param replaces also what has another content: only after its stop, since the live database knows that one
 */
export async function putUploadsBack(
  context: JobContext,
  chosen: KeptDatabase,
  step: string,
  { replaces }: { replaces: boolean },
): Promise<void> {
  const found = await uploadsOf(context, chosen);
  if (found === undefined) return;
  const { progress } = context;
  const { added, replaced } = await restoreUploads({
    ...found,
    replaces,
    setAside: setAsideFolder(context.paths, context.job.sequence),
    report: (count) => progress.detail(step, `${count} uploads so far`),
  });
  if (added > 0) progress.tell(step, `${counted(added, "upload")} put back from ${chosen.name}`);
  if (replaced > 0)
    progress.tell(
      step,
      `${counted(replaced, "upload")} had another content, which is kept in ` +
        setAsideFolder(context.paths, context.job.sequence),
    );
}

/** The uploads that a backup has, by their paths in the volume; undefined where nothing says which. */
export async function uploadsIn(
  context: JobContext,
  chosen: KeptDatabase,
): Promise<ReadonlySet<string> | undefined> {
  const found = await uploadsOf(context, chosen);
  if (found === undefined) return undefined;
  const beginning = `${UPLOADS}/`;
  return new Set(
    found.list.files.flatMap(({ path }) =>
      path.startsWith(beginning) ? [path.slice(beginning.length)] : [],
    ),
  );
}

/** Undefined where it is no backup, or one of the database alone. */
async function uploadsOf(context: JobContext, chosen: KeptDatabase | undefined) {
  if (chosen?.way !== "backup") return undefined;
  const { driver, paths } = context;
  const backup = await readBackup(paths, chosen.name);
  const list = backup === undefined ? undefined : await fileListOf(paths, backup);
  if (list === undefined) return undefined;
  const volume = switchTarget(context).filesVolume;
  const uploads = await driver.volumeFolder(volume);
  if (uploads === undefined)
    throw new Error(`the volume ${volume}, which the uploads belong into, is not there`);
  return { backup: backupFolder(paths, chosen.name), list, uploads };
}
