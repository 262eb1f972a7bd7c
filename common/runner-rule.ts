/** The one rule of sudo, and where it is all that there is. Known on all sides, so that it is known to none of them. */

/** The only thing that the SSH user may run as root. */
export const RUNNER_PROGRAM = "/usr/local/sbin/chatalot-deploy-runner";

/** As it stands in a file of sudoers; the two quotes mean: without any argument. */
export function runnerRule(user: string): string {
  return `${user} ALL=(root) NOPASSWD: ${RUNNER_PROGRAM} ""`;
}

/** Whether all that is done as root on a server goes through the runner. */
export function isReachedByRunner({
  server,
}: {
  server: { access?: "sudo" | "runner" | undefined } | null;
}): boolean {
  return server?.access === "runner";
}
