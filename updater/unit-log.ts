/** The file to which systemd appends what the unit's process says: kept small, whatever happens how often. */
import { open, stat, writeFile } from "node:fs/promises";

/** A job whose cleaning fails is started again every second, for as long as the cause lasts. */
const MAXIMUM_BYTES = 1024 ** 2;
const KEPT_BYTES = 256 * 1024;

/**
 * Cuts the log to its newest part. In place: systemd has opened it for this process already, for appending.
 */
export async function boundUnitLog(
  path: string,
  { maximum = MAXIMUM_BYTES, kept = KEPT_BYTES } = {},
): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= maximum) return;
  const handle = await open(path, "r");
  const bytes = Buffer.alloc(kept);
  try {
    await handle.read(bytes, 0, kept, size - kept);
  } finally {
    await handle.close();
  }
  const newest = bytes.subarray(bytes.indexOf(0x0a) + 1);
  await writeFile(path, Buffer.concat([Buffer.from("(older lines were cut off)\n"), newest]));
}
