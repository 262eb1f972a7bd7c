/**
 * The persistent systemd unit that runs, resumes or reverts whatever the journal says. It outlives
 * the operator's session, is started again when it is killed, and is enabled while a job is open,
 * so that a reboot in the middle of an update ends it too.
 */
import { readFileIfThere, syncDirectory, writeFileDurably } from "./files.ts";
import { command } from "./command.ts";

const WANTS = "/etc/systemd/system/multi-user.target.wants";
const TEMPLATE = "/etc/systemd/system/chatalot-deploy@.service";

/**
 * What no job needs. Root's other rights stay: a job reads and writes the volumes, whose folder Docker's
 * settings name, makes control groups for builds, and keeps Docker's clients' files in root's home.
 */
export const HARDENING = `UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
`;

const TEXT = `# Written by chatalot-deploy. Runs or recovers the open job of the instance in the named directory.
[Unit]
Description=chatalot-deploy job for %f
After=docker.service network.target
Wants=docker.service
RequiresMountsFor=%f
# The journal counts attempts; a disk that is full for an hour must not end the recovery.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=%f/.deploy/runner-node %f/.deploy/runner-updater run %f
Restart=on-failure
# To systemd these are clean ends, but a job that was ended by one has to be taken up again.
RestartForceExitStatus=SIGHUP SIGINT SIGTERM SIGPIPE
RestartSec=1
KillMode=control-group
TimeoutStopSec=15
${HARDENING}TasksMax=512
# For the updater and Docker's clients; what they ask for is done by Docker, outside of this unit.
MemoryMax=1G
OOMScoreAdjust=-500
StandardOutput=append:%f/.deploy/unit.log
StandardError=append:%f/.deploy/unit.log

[Install]
WantedBy=multi-user.target
`;

/**
 * Only the next boot needs to know, which reads all units: without `--no-reload` systemd reads them at once, for
 * 0.3 s (measured), twice in every job.
 */
const AT_BOOT = ["--quiet", "--no-reload"];

/** Whether systemd has the unit's template as this version writes it. Every job writes it anew. */
export async function unitTemplate(): Promise<"right" | "missing" | "changed"> {
  const found = await readFileIfThere(TEMPLATE);
  if (found === undefined) return "missing";
  return found === TEXT ? "right" : "changed";
}

/** The unit of one instance. */
export function unitName(directory: string): string {
  return `chatalot-deploy@${escapedDirectory(directory)}.service`;
}

/** A directory in the name of a unit, as systemd itself writes it. */
export function escapedDirectory(directory: string): string {
  return directory
    .slice(1)
    .split("/")
    .map((part) => part.replace(/[^A-Za-z0-9_.]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`))
    .join("-");
}

/** Starts the unit and keeps it enabled until {@link disarmUnit}. */
export async function armUnit(directory: string): Promise<void> {
  await writeTemplate();
  const unit = unitName(directory);
  await command("enable the job's unit", ["systemctl", "enable", ...AT_BOOT, unit]);
  await syncDirectory(WANTS);
  // A unit that hit its start limit once would otherwise never start again.
  await command("reset the job's unit", ["systemctl", "reset-failed", unit]).catch(() => undefined);
  await command("start the job's unit", ["systemctl", "start", "--no-block", unit]);
  // An abort that was killed may have left it halted, which to systemd is running.
  await signalUnit(directory, "SIGCONT").catch(() => undefined);
}

/** Makes systemd know the unit, and starts nothing. */
export async function writeTemplate(): Promise<void> {
  if ((await readFileIfThere(TEMPLATE)) === TEXT) return;
  await writeFileDurably(TEMPLATE, TEXT, 0o644);
  await command("read the units again", ["systemctl", "daemon-reload"]);
}

/** The job is closed: the unit is not needed at the next boot. */
export async function disarmUnit(directory: string): Promise<void> {
  await command("disable the job's unit", [
    ...["systemctl", "disable", ...AT_BOOT, unitName(directory)],
  ]);
}

/** Whether systemd runs the unit or is about to run it again. */
export async function unitIsActive(directory: string): Promise<boolean> {
  const state = await command("look at the job's unit", [
    "systemctl",
    "show",
    "--property=ActiveState",
    "--value",
    unitName(directory),
  ]);
  return ["active", "activating", "reloading", "deactivating"].includes(state.trim());
}

/** How often systemd has started the unit again, and how its program ended last. */
export interface UnitEnds {
  restarts: number;
  /** `oom-kill`, `exit-code`, `signal`, ... */
  result: string;
}

export async function unitEnds(directory: string): Promise<UnitEnds> {
  const text = await command("ask how the job's unit ended", [
    ...["systemctl", "show", "--property=NRestarts,Result", unitName(directory)],
  ]);
  return {
    restarts: Number(/^NRestarts=(\d+)$/m.exec(text)?.[1] ?? 0),
    result: /^Result=(.+)$/m.exec(text)?.[1] ?? "unknown",
  };
}

/** Sends a signal to all of the unit's programs; one that is ended by it is started again. */
export async function signalUnit(
  directory: string,
  signal: "SIGSTOP" | "SIGCONT" | "SIGKILL",
): Promise<void> {
  await command("signal the job's programs", [
    ...["systemctl", "kill", `--signal=${signal}`, unitName(directory)],
  ]);
}
