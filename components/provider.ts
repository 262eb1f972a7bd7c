import * as pulumi from "@pulumi/pulumi";
import type { ServerPlace } from "../provider/server/remote-server.ts";

export interface ChatalotArgs {
  /** Which server, and which instance on it. */
  place: ServerPlace;
  /**
   * Whether this run may install Docker first, so that what was read before that is out of date.
   *
   * @default false
   */
  prepareServer?: boolean;
}

/**
 * The in-repository provider, told which server it is for.
 *
 * The engine configures the providers of the last run before it starts the program, so the connection and
 * the reading of the server take place while the program loads.
 */
export class Chatalot extends pulumi.ProviderResource {
  constructor(name: string, args: ChatalotArgs, options?: pulumi.ResourceOptions) {
    const { place, prepareServer = false } = args;
    super("chatalot", name, { place: JSON.stringify(place), readsEarly: !prepareServer }, options);
  }
}
