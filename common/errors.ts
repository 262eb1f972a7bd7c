/**
 * A failure the operator can act on. Its text has the form
 * `<what failed>: <cause with the value>. <what to do>.` and is shown without a stack.
 *
 * Anything else that is thrown is a bug in this tool and keeps its stack.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}

/**
 * The text of anything that was thrown, for a place that can only carry text.
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
