/** The one rule of sudo. Without modules of others, because every command's error may name it. */

/** The only thing that the SSH user may run as root. */
export const RUNNER_PROGRAM = "/usr/local/sbin/chatalot-deploy-runner";

/** As it stands in a file of sudoers; the two quotes mean: without any argument. */
export function runnerRule(user: string): string {
  return `${user} ALL=(root) NOPASSWD: ${RUNNER_PROGRAM} ""`;
}
