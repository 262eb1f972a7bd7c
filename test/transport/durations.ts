import { kill, processesOf, processesWith, waitUntil } from "./sshd.ts";

/** Padded, so that no other process has durations that begin like those of this one. */
const OWN = `300.${String(process.pid).padStart(7, "0")}`;

let given = 0;

/** How long a command sleeps, in seconds: longer than any test takes, and as long as no other does. */
export function ownDuration(): string {
  return `${OWN}${++given}`;
}

/** Waits until there is a process with exactly this command line. */
export async function untilRuns(commandLine: string): Promise<void> {
  await waitUntil(`"${commandLine}" runs`, async () => (await processesOf(commandLine)).length > 0);
}

/** Waits until there is no process with exactly this command line. */
export async function untilGone(commandLine: string): Promise<void> {
  await waitUntil(
    `"${commandLine}" is gone`,
    async () => (await processesOf(commandLine)).length === 0,
  );
}

/** Ends what this process's tests have left asleep. */
export async function endSleepers(): Promise<void> {
  for (const pid of await processesWith(`sleep ${OWN}`)) kill(pid, "SIGKILL");
}
