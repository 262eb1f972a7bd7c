import { command } from "./command.ts";

/** Flushing a slow disk that others write to as well. */
const FLUSH_TIMEOUT = 10 * 60_000;

/**
 * Has on the disk what other programs wrote.
 *
 * @param what for the error text: "the images"
 * @param folder flushes its file system only. Default: all of them
 */
export async function flush(what: string, folder?: string): Promise<void> {
  const argv = ["sync", ...(folder === undefined ? [] : ["--file-system", folder])];
  await command(`flush ${what}`, argv, { timeout: FLUSH_TIMEOUT });
}
