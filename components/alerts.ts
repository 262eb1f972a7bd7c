import * as pulumi from "@pulumi/pulumi";
import type { ServerPlace } from "../provider/server/remote-server.ts";
import type { AlertSettings } from "../updater/alerts/protocol.ts";
import { type Deployment, Watch } from "./resources.ts";

export interface AlertsArgs {
  /** Which server, and which instance on it. */
  place: ServerPlace;
  /** What is looked at. */
  deployment: Deployment;
  /** Whom the server tells, and when. Secret. Absent: nobody. */
  alerts?: pulumi.Input<AlertSettings>;
}

/** What the server tells by itself when something is wrong with it. */
export class Alerts extends pulumi.ComponentResource {
  constructor(name: string, args: AlertsArgs, options?: pulumi.ComponentResourceOptions) {
    super("chatalot:index:Alerts", name, {}, options);
    const { place, deployment, alerts } = args;
    if (alerts !== undefined)
      new Watch(
        `${name}-watch`,
        { place, alerts: pulumi.secret(alerts) },
        { parent: this, dependsOn: deployment },
      );
    this.registerOutputs({});
  }
}
