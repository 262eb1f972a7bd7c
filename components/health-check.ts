import * as pulumi from "@pulumi/pulumi";
import type { PublicCheck } from "../provider/health.ts";
import type { ServerPlace } from "../provider/server/remote-server.ts";
import { type Deployment, Health } from "./resources.ts";

export interface HealthCheckArgs {
  /** Which server, and which instance on it. */
  place: ServerPlace;
  /** What is looked at. */
  deployment: Deployment;
  /** The public address; absent: only the server itself is asked. */
  url?: string;
  /** Where the chat is to be published once it has an owner. */
  listen: { address: string; port: number };
  /** What a public address that doesn't answer means. */
  public: PublicCheck;
}

/** The chat as visitors find it. A problem here is told; it never reverts a committed update. */
export class HealthCheck extends pulumi.ComponentResource {
  /** What was found at the last look. */
  readonly health: Health;

  constructor(name: string, args: HealthCheckArgs, options?: pulumi.ComponentResourceOptions) {
    super("chatalot:index:HealthCheck", name, {}, options);
    const { place, deployment, listen } = args;
    // Guarded until it has an owner, it can't answer at its public address.
    const url = deployment.listen.apply((published) =>
      published === undefined || published.address === listen.address ? args.url : undefined,
    );
    this.health = new Health(
      name,
      {
        place,
        url,
        public: args.public,
        commit: deployment.commit,
        deployment: deployment.sequence,
      },
      { parent: this },
    );
    this.registerOutputs({ status: this.health.status });
  }
}
