/**
 * The systemd units of what is done by the clock: a timer and a service for each routine of an instance.
 * The service asks for a job and waits for its end, so that systemd knows how it went.
 */
import { removeDurably, readFileIfThere, writeFileDurably } from "../files.ts";
import { command } from "../command.ts";
import { escapedDirectory } from "../unit.ts";
import { type Routine, ROUTINES, type Schedule } from "./protocol.ts";

const FOLDER = "/etc/systemd/system";

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
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
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
  const files = unitFiles(directory, schedule);
  for (const routine of ROUTINES)
    if (schedule[routine] === undefined) await stop(routine, directory);
  for (const [name, text] of files)
    if ((await readFileIfThere(`${FOLDER}/${name}`)) !== text)
      await writeFileDurably(`${FOLDER}/${name}`, text, 0o644);
  await command("read the units again", ["systemctl", "daemon-reload"]);
  for (const name of [...files.keys()].filter((file) => file.endsWith(".timer"))) {
    await command("switch the timer on", ["systemctl", "enable", "--quiet", name]);
    // A timer that runs already keeps the old calendar until it is started anew.
    await command("start the timer", ["systemctl", "restart", name]);
  }
}

/** Removes all units of an instance's routines. A job that one of them asked for goes on. */
export async function removeUnits(directory: string): Promise<void> {
  for (const routine of ROUTINES) await stop(routine, directory);
  await command("read the units again", ["systemctl", "daemon-reload"]);
}

async function stop(routine: Routine, directory: string): Promise<void> {
  const unit = routineUnit(routine, directory);
  const timer = `${unit}.timer`;
  if ((await readFileIfThere(`${FOLDER}/${timer}`)) !== undefined)
    await command("switch the timer off", ["systemctl", "disable", "--quiet", "--now", timer]);
  for (const name of [timer, `${unit}.service`]) await removeDurably(`${FOLDER}/${name}`);
}

/** How the units differ from what is asked for, each in words. */
export async function unitDrift(directory: string, schedule: Schedule): Promise<string[]> {
  const drift: string[] = [];
  for (const [name, text] of unitFiles(directory, schedule)) {
    const found = await readFileIfThere(`${FOLDER}/${name}`);
    if (found !== text) {
      drift.push(`the systemd unit ${name} is ${found === undefined ? "missing" : "changed"}`);
      continue;
    }
    if (!name.endsWith(".timer")) continue;
    const { active, enabled } = await timerState(name);
    if (!active) drift.push(`the timer ${name} does not run`);
    else if (!enabled) drift.push(`the timer ${name} would not run after a reboot`);
  }
  return drift;
}

async function timerState(timer: string): Promise<{ active: boolean; enabled: boolean }> {
  const properties = await showUnit(timer, ["ActiveState", "UnitFileState"]);
  return {
    active: properties.get("ActiveState") === "active",
    enabled: properties.get("UnitFileState") === "enabled",
  };
}

/** When a timer elapses next, in UTC; undefined where it does not run. */
export async function nextRun(routine: Routine, directory: string): Promise<string | undefined> {
  const timer = `${routineUnit(routine, directory)}.timer`;
  const properties = await showUnit(timer, ["NextElapseUSecRealtime"]);
  return timeOf(properties.get("NextElapseUSecRealtime") ?? "");
}

async function showUnit(unit: string, properties: string[]): Promise<Map<string, string>> {
  const text = await command(
    "look at a timer",
    ["systemctl", "show", `--property=${properties.join(",")}`, unit],
    { environment: { TZ: "UTC" } },
  );
  return new Map(
    text.split("\n").map((line) => {
      const [name = "", ...value] = line.split("=");
      return [name, value.join("=")];
    }),
  );
}

/** `Wed 2026-11-25 03:30:00 UTC`, as systemd prints a time in UTC, as ISO. */
export function timeOf(text: string): string | undefined {
  const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(text) ?? [];
  return day === undefined ? undefined : `${day}T${time}Z`;
}
