import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { hostInputs } from "../provider/inputs.ts";
import type { ServerPlace } from "../provider/server/remote-server.ts";
import type { ImageSettings } from "../settings/parse.ts";
import { Host } from "./resources.ts";

export interface ServerArgs {
  /** Which server, and which instance on it. */
  place: ServerPlace;
  /** The address and port that will be published. */
  listen: { address: string; port: number };
  /** Where the image comes from, which decides what the server must be able to build. */
  images: ImageSettings;
  /**
   * Install Docker where it is missing (Debian and Ubuntu, from the distribution's packages).
   *
   * @default false: a server without Docker is refused
   */
  prepareServer?: boolean;
}

/** A server that is ready: prepared where that is wanted, then checked as a whole. */
export class Server extends pulumi.ComponentResource {
  /** The server, once it meets every requirement. */
  readonly host: Host;

  constructor(name: string, args: ServerArgs, options?: pulumi.ComponentResourceOptions) {
    super("chatalot:index:Server", name, {}, options);
    const prepareServer = args.prepareServer ?? false;

    const preparation = prepareServer
      ? new command.local.Command(
          `${name}-preparation`,
          {
            // Constant text: what differs comes by standard input.
            create: "node --import tsx cli/prepare-server.ts",
            stdin: JSON.stringify(args.place.server),
          },
          { parent: this },
        )
      : undefined;
    this.host = new Host(name, hostInputs({ ...args, prepareServer }), {
      parent: this,
      ...(preparation === undefined ? {} : { dependsOn: preparation }),
    });
    this.registerOutputs({ docker: this.host.docker });
  }
}
