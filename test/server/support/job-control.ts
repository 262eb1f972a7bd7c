/**
 * Stops a job on the server at an exact step, and ends it there. The journal is read only to know
 * when: what came of it is judged by other means.
 */
import type { DemoServer } from "../../../demo/server/index.ts";
import { DIRECTORY } from "./fixture.ts";
import { shell } from "./looks.ts";

export const UNIT = `chatalot-deploy@${DIRECTORY.slice(1).replaceAll("/", "-")}.service`;

/** Folder of the unit's drop-ins among the units of systemd. */
export const DROP_IN_NAME = "chatalot-deploy@.service.d";
const DROP_IN = `/etc/systemd/system/${DROP_IN_NAME}`;

/** What the journal has when a job waits at a step that has no beginning of its own. */
const REACHED: Record<string, string> = {
  J0: '"type":"opened"',
  J10: '"type":"done","step":"J9"',
  J11: '"type":"committed"',
  R5: '"type":"done","step":"R3"',
};

/** Lets every job that starts from now on wait at a step, until {@link letJobsRun}. */
export async function holdJobsAt(demo: DemoServer, step: string): Promise<void> {
  const text = holdText(step);
  await shell(
    demo,
    'mkdir -p "$1"; printf %s "$2" > "$1/hold.conf"; systemctl daemon-reload',
    ...[DROP_IN, text],
  );
}

/** The drop-in. A job that waits at J0 is accepted, and its unit has not begun. */
export function holdText(step: string): string {
  return step === "J0"
    ? "[Service]\nExecStartPre=/usr/bin/sleep 600\nTimeoutStartSec=infinity\n"
    : `[Service]\nEnvironment=CHATALOT_DEPLOY_HOLD_AT=${step}\n`;
}

/** Takes {@link holdJobsAt} back. A job that waits already goes on waiting. */
export async function letJobsRun(demo: DemoServer): Promise<void> {
  await shell(demo, 'rm -rf "$1"; systemctl daemon-reload', DROP_IN);
}

/** Resolves when the newest of the open jobs has come to a step. */
export async function jobAt(demo: DemoServer, step: string): Promise<void> {
  await atStep(demo, step, ":");
}

/** Lets the job go on that waits because of {@link holdJobsAt}. */
export async function endHold(demo: DemoServer): Promise<void> {
  await shell(demo, `systemctl kill --kill-who=main --signal=SIGUSR2 ${UNIT}`);
}

/**
 * Stops all processes of the job in the middle of a step, until {@link thawJob}, or until anybody asks
 * the server for a change: whoever does sees to it that the open job runs.
 */
export async function freezeJobAt(demo: DemoServer, step: string): Promise<void> {
  await atStep(demo, step, `systemctl kill --signal=SIGSTOP ${UNIT}`);
}

/** Stops all processes of the job as soon as a program on the server ends well and says something. */
export async function freezeJobWhen(demo: DemoServer, argv: readonly string[]): Promise<void> {
  const script = `
    for try in $(seq 4000); do
      if said=$("$@" 2>/dev/null) && test -n "$said"
      then systemctl kill --signal=SIGSTOP ${UNIT}; exit 0; fi
      sleep 0.02
    done
    echo "never: $*" >&2; exit 1`;
  await demo.exec(["sh", "-uc", script, "sh", ...argv], { timeout: 580_000 });
}

export async function thawJob(demo: DemoServer): Promise<void> {
  await shell(demo, `systemctl kill --signal=SIGCONT ${UNIT}`);
}

/** Kills the job and everything it started, as a power cut or the kernel's memory killer would. */
export async function killJob(demo: DemoServer): Promise<void> {
  await shell(demo, `systemctl kill --signal=SIGKILL ${UNIT}`);
}

/**
 * Lets the jobs of this boot wait where they flush the whole server, with everything written and
 * nothing on the disk.
 */
export async function holdFlushes(demo: DemoServer): Promise<void> {
  const program = '#!/bin/sh\ntest $# -gt 0 && exec /usr/bin/sync "$@"\nsleep 600\n';
  const text = "[Service]\nEnvironment=PATH=/opt/held:/usr/sbin:/usr/bin:/sbin:/bin\n";
  await shell(
    demo,
    `mkdir -p /opt/held "$3"; printf %s "$1" > /opt/held/sync; chmod 755 /opt/held/sync
     printf %s "$2" > "$3/flush.conf"; systemctl daemon-reload`,
    ...[program, text, `/run/systemd/system/${DROP_IN_NAME}`],
  );
}

/** Resolves when a job waits because of {@link holdFlushes}. */
export async function jobFlushes(demo: DemoServer): Promise<void> {
  const script = `for try in $(seq 6000); do
      if pgrep --full '^/bin/sh /opt/held/sync' > /dev/null; then exit 0; fi; sleep 0.05; done
    echo "no job wanted to flush" >&2; exit 1`;
  await demo.exec(["sh", "-uc", script], { timeout: 580_000 });
}

/** Resolves when no job is open: the unit has ended by itself and is not enabled any more. */
export async function jobsAreClosed(demo: DemoServer): Promise<void> {
  const wait = `
    for try in $(seq 2500); do
      state=$(systemctl show --property=ActiveState --value "$1")
      enabled=$(systemctl is-enabled "$1" 2>/dev/null || true)
      if test "$state" = inactive && test "$enabled" != enabled; then exit 0; fi
      sleep 0.2
    done
    echo "the unit is still $state and $enabled" >&2; exit 1`;
  await shell(demo, wait, UNIT);
}

/** Whether systemd runs the job's unit. */
export async function jobRuns(demo: DemoServer): Promise<boolean> {
  const state = await shell(demo, `systemctl show --property=ActiveState --value ${UNIT}`);
  return state === "active";
}

/** The waiting is done on the server: a step may last a fraction of a second. */
async function atStep(demo: DemoServer, step: string, then: string): Promise<void> {
  const script = `
    for try in $(seq 9000); do
      newest=$(ls -d ${DIRECTORY}/.deploy/jobs/*/ 2>/dev/null | tail -n 1)
      if grep -qF "$1" "$newest/journal" 2>/dev/null && ! grep -qF '"type":"closed"' "$newest/journal"
      then ${then}; exit 0; fi
      sleep 0.05
    done
    echo "no open job came to $2" >&2; exit 1`;
  const record = REACHED[step] ?? `"type":"begun","step":"${step}"`;
  await demo.exec(["sh", "-euc", script, "sh", record, step], { timeout: 580_000 });
}
