/** A stream that may not be longer than it should. */

/** Somebody sends more than is read. */
export class TooMuchError extends Error {
  override readonly name = "TooMuchError";
}

/**
 * Up to the end of what may come.
 *
 * @param what is read, for the error's text
 */
export async function* limited(
  stream: AsyncIterable<Uint8Array>,
  maximum: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maximum) throw new TooMuchError(`${what} is longer than ${maximum} bytes`);
    yield chunk;
  }
}
