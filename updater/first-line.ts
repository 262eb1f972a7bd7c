/** A request that is followed by bytes: its line, and what comes after it. */

import { TooMuchError } from "./limit.ts";

/** The longest request: the list of some million files. */
const MAXIMUM_LINE = 600 * 1024 ** 2;

/**
 * @param maximum the longest line that is read, in bytes. Default: 600 MiB
 * @returns the text up to the first end of a line, and the bytes after it
 * @throws Error where none comes
 */
export async function firstLine(
  stream: AsyncIterable<Uint8Array>,
  maximum = MAXIMUM_LINE,
): Promise<{ line: string; rest: AsyncIterable<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) throw new Error("the request ended before its first line did");
    const { value } = next;
    const end = value.indexOf(10);
    if (length + (end === -1 ? value.length : end) > maximum)
      throw new TooMuchError(`the first line of the request is longer than ${maximum} bytes`);
    parts.push(end === -1 ? value : value.subarray(0, end));
    length += value.length;
    if (end !== -1)
      return {
        line: Buffer.concat(parts).toString("utf8"),
        rest: after(value.subarray(end + 1), iterator),
      };
  }
}

async function* after(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) return;
    yield next.value;
  }
}
