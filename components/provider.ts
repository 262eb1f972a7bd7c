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
 * It is the first resource of the program, so that the connection and the reading of the server go on while
 * the other plugins start, one after the other (the engine starts one when its first resource is registered).
 */
export class Chatalot extends pulumi.ProviderResource {
  constructor(name: string, args: ChatalotArgs, options?: pulumi.ResourceOptions) {
    const { place, prepareServer = false } = args;
    super("chatalot", name, { place: JSON.stringify(place), readsEarly: !prepareServer }, options);
  }
}
