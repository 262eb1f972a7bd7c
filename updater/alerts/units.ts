/** The timer that looks whether something is wrong. */
import { escapedDirectory, HARDENING } from "../unit.ts";
import type { UnitFiles } from "../unit-files.ts";

/** The name of an instance's units without their ending. */
export function alertsUnit(directory: string): string {
  return `chatalot-deploy-alerts-${escapedDirectory(directory)}`;
}

/** @param every in seconds */
export function alertsUnitFiles(directory: string, every: number): UnitFiles {
  const unit = alertsUnit(directory);
  return new Map([
    [
      `${unit}.service`,
      `# Written by chatalot-deploy. Looks at the instance in ${directory} and tells whom it may concern.
[Unit]
Description=chatalot-deploy: alerts of ${directory}
RequiresMountsFor=${directory}

[Service]
Type=oneshot
ExecStart=${directory}/.deploy/runner-node ${directory}/.deploy/runner-updater watch ${directory}
TimeoutStartSec=5min
${HARDENING}`,
    ],
    [
      `${unit}.timer`,
      `# Written by chatalot-deploy. Another interval is set with pulumi config set and pulumi up.
[Unit]
Description=chatalot-deploy: alerts of ${directory}

[Timer]
# Long enough for the chat to start after a reboot.
OnBootSec=2min
OnActiveSec=${every}s
OnUnitInactiveSec=${every}s
AccuracySec=1s

[Install]
WantedBy=timers.target
`,
    ],
  ]);
}
