/**
 * How the updater is run: not before it was seen that it is what was put there, and that nobody but root can
 * change it. A root-owned folder that somebody opened by `chmod`, or a disk with an error, would otherwise be
 * run as root.
 */
import type { Runner } from "./runner.ts";

/** What the program says by its exit code, besides the updater's own. */
export const CHANGED = 67;

/** Arguments: Node, the updater, what the updater is to do. Constant text. */
export const RUN_CHECKED = `
set -eu
refuse() {
  printf '%s: %s. Nothing was run. Find out who did that, remove %s on the server, and run pulumi up\\n' "$1" "$2" "$3" >&2
  exit ${CHANGED}
}
node=$(readlink -f -- "$1") updater=$(readlink -f -- "$2")
shift 2
folder=\${updater%/*}
for path in "$node" "$updater" "$folder"; do
  facts=$(stat -c '%u %a' -- "$path")
  test "\${facts%% *}" = 0 || refuse "$path" "it does not belong to root" "$folder"
  test "$((0\${facts##* } & 022))" = 0 || refuse "$path" "others than root can change it" "$folder"
done
digest=$(sha256sum < "$updater")
test "\${digest%% *}" = "\${folder##*/}" || refuse "$updater" "it is not what was put there" "$folder"
exec "$node" "$updater" "$@"
`;

/** The argument vector that has the updater do something. */
export function runnerArgv({ node, updater }: Runner, ...verb: readonly string[]): string[] {
  return ["sh", "-c", RUN_CHECKED, "run", node, updater, ...verb];
}
