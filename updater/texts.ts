/** Texts that both sides show. */

/** Why a commit is refused that was tried and did not become healthy. */
export function repeatedRevert(
  name: string,
  reverted: { sequence: number; at: string; cause: string },
): string {
  return (
    `${name} was tried on ${reverted.at} (job ${reverted.sequence}) and did not become healthy: ` +
    `${reverted.cause.split("\n")[0]}. Choose another release, or try this one once more: ` +
    `pulumi config set retry ${reverted.sequence}`
  );
}
