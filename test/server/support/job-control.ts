/**
 * Stops a job on the server at an exact step, and ends it there. The journal is read only to know
 * when: what came of it is judged by other means.
 */
import type { DemoServer } from "../../../demo/server/index.ts";
import { DIRECTORY } from "./fixture.ts";
import { shell } from "./looks.ts";

export const UNIT = `chatalot-deploy@${DIRECTORY.slice(1).replaceAll("/", "-")}.service`;

const DROP_IN = "/etc/systemd/system/chatalot-deploy@.service.d";

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

/** The drop-in. A job that is to wait at J0 is accepted, and its unit has not begun. */
function holdText(step: string): string {
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

/** Stops all processes of the job in the middle of a step, until {@link thawJob}. */
export async function freezeJobAt(demo: DemoServer, step: string): Promise<void> {
  await atStep(demo, step, `systemctl kill --signal=SIGSTOP ${UNIT}`);
}

export async function thawJob(demo: DemoServer): Promise<void> {
  await shell(demo, `systemctl kill --signal=SIGCONT ${UNIT}`);
}

/** Kills the job and everything it started, as a power cut or the kernel's memory killer would. */
export async function killJob(demo: DemoServer): Promise<void> {
  await shell(demo, `systemctl kill --signal=SIGKILL ${UNIT}`);
}

/** Resolves when no job is open: the unit has ended by itself and is not enabled any more. */
export async function jobsAreClosed(demo: DemoServer): Promise<void> {
  const wait = `
    for try in $(seq 600); do
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
    for try in $(seq 4000); do
      newest=$(ls -d ${DIRECTORY}/.deploy/jobs/*/ 2>/dev/null | tail -n 1)
      if grep -qF "$1" "$newest/journal" 2>/dev/null && ! grep -qF '"type":"closed"' "$newest/journal"
      then ${then}; exit 0; fi
      sleep 0.05
    done
    echo "no open job came to $2" >&2; exit 1`;
  const record = REACHED[step] ?? `"type":"begun","step":"${step}"`;
  await demo.exec(["sh", "-euc", script, "sh", record, step], { timeout: 400_000 });
}
