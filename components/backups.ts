import * as pulumi from "@pulumi/pulumi";
import type { ServerPlace } from "../provider/server/remote-server.ts";
import type { Schedule } from "../updater/schedule/protocol.ts";
import { BackupSchedule, type Deployment } from "./resources.ts";

export interface BackupsArgs {
  /** Which server, and which instance on it. */
  place: ServerPlace;
  /** What is backed up. */
  deployment: Deployment;
  /** When backups are taken by the clock, and how many of them stay. Absent: none are. */
  schedule?: Schedule;
}

/** The backups besides those that every update takes. */
export class Backups extends pulumi.ComponentResource {
  constructor(name: string, args: BackupsArgs, options?: pulumi.ComponentResourceOptions) {
    super("chatalot:index:Backups", name, {}, options);
    const { place, deployment, schedule } = args;
    if (schedule !== undefined)
      new BackupSchedule(
        `${name}-schedule`,
        { place, schedule },
        { parent: this, dependsOn: deployment },
      );
    this.registerOutputs({});
  }
}
