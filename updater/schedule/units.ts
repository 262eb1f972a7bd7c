/**
 * The systemd units of what is done by the clock: a timer and a service for each routine of an instance.
 * The service asks for a job and waits for its end, so that systemd knows how it went.
 */
import { escapedDirectory, HARDENING } from "../unit.ts";
import { installUnits, removeUnits, showUnit } from "../unit-files.ts";
import { type Routine, ROUTINES, type Schedule } from "./protocol.ts";

/** A backup waits for an update that is under way, and then dumps and restores; an update may migrate for days. */
const TIMEOUT = "1d";

/** What a routine is, for systemd's lists. */
const TITLES: Record<Routine, string> = {
  backup: "scheduled backup",
  drill: "restore drill of all backups",
};

/** The name of a routine's units without their ending. */
export function routineUnit(routine: Routine, directory: string): string {
  return `chatalot-deploy-${routine}-${escapedDirectory(directory)}`;
}

/** The text of each unit's file by its name. */
export function unitFiles(directory: string, schedule: Schedule): Map<string, string> {
  const files = new Map<string, string>();
  for (const routine of ROUTINES) {
    const calendar = schedule[routine];
    if (calendar === undefined) continue;
    const unit = routineUnit(routine, directory);
    files.set(`${unit}.service`, serviceText(routine, directory));
    files.set(`${unit}.timer`, timerText(routine, directory, calendar));
  }
  return files;
}

function serviceText(routine: Routine, directory: string): string {
  return `# Written by chatalot-deploy. Asks for a job of the instance in ${directory} and waits for its end.
[Unit]
Description=chatalot-deploy: ${TITLES[routine]} of ${directory}
After=docker.service
Wants=docker.service
RequiresMountsFor=${directory}

[Service]
Type=oneshot
ExecStart=${directory}/.deploy/runner-node ${directory}/.deploy/runner-updater routine ${directory} ${routine}
TimeoutStartSec=${TIMEOUT}
${HARDENING}# The unit of the job that it asks for.
ReadWritePaths=/etc/systemd/system
`;
}

function timerText(routine: Routine, directory: string, calendar: string): string {
  return `# Written by chatalot-deploy. Another time is set with pulumi config set and pulumi up.
[Unit]
Description=chatalot-deploy: ${TITLES[routine]} of ${directory}

[Timer]
OnCalendar=${calendar}
# What was missed while the server was off is done when it is back.
Persistent=yes
AccuracySec=1s

[Install]
WantedBy=timers.target
`;
}

/** Writes the units, removes those that are not asked for, and starts the timers. */
export async function writeUnits(directory: string, schedule: Schedule): Promise<void> {
  const unwanted = ROUTINES.filter((routine) => schedule[routine] === undefined);
  await removeUnits(unwanted.map((routine) => routineUnit(routine, directory)));
  await installUnits(unitFiles(directory, schedule));
}

/** The names of all units that the routines of an instance may have, without their endings. */
export function routineUnits(directory: string): string[] {
  return ROUTINES.map((routine) => routineUnit(routine, directory));
}

/** When a timer elapses next, in UTC; undefined where it does not run. */
export async function nextRun(routine: Routine, directory: string): Promise<string | undefined> {
  const timer = `${routineUnit(routine, directory)}.timer`;
  const properties = await showUnit(timer, ["NextElapseUSecRealtime"]);
  return timeOf(properties.get("NextElapseUSecRealtime") ?? "");
}

/** `Wed 2026-11-25 03:30:00 UTC`, as systemd prints a time in UTC, as ISO. */
export function timeOf(text: string): string | undefined {
  const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(text) ?? [];
  return day === undefined ? undefined : `${day}T${time}Z`;
}
