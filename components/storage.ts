import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ServerAddress } from "../transport/index.ts";
import { isReachedByRunner } from "../common/runner-rule.ts";
import { dockerHost } from "./docker-host.ts";
import type { VolumeNames } from "../common/volume-names.ts";

export interface StorageArgs {
  /** The server; this machine where null. */
  server: ServerAddress | null;
  /** Docker's names of them. */
  volumes: VolumeNames;
  /** What has to be found right before a volume is made. */
  checked: pulumi.Resource;
  /**
   * Whether this run may install Docker first: until then there is nothing for the docker plugin to reach.
   *
   * @default false: the plugin starts while the server is checked
   */
  prepareServer?: boolean;
}

/**
 * The volumes with everything users made: messages and uploads.
 *
 * Protected, and kept when they leave the state, so that no command of this program deletes them. Through the
 * runner they are made by it on the server, under the same names: Pulumi's docker provider would need a user who
 * may use Docker.
 */
export class Storage extends pulumi.ComponentResource {
  /** Absent: the runner makes it. */
  readonly database?: docker.Volume;
  /** Absent: the runner makes it. */
  readonly files?: docker.Volume;

  constructor(name: string, args: StorageArgs, options?: pulumi.ComponentResourceOptions) {
    const { checked, prepareServer = false } = args;
    // What a component waits for, all in it waits for, the plugin's start included.
    super(
      "chatalot:index:Storage",
      name,
      {},
      { ...options, ...(prepareServer ? { dependsOn: checked } : {}) },
    );
    const names = args.volumes;
    if (isReachedByRunner(args)) {
      this.registerOutputs(names);
      return;
    }
    const provider = new docker.Provider(`${name}-docker`, dockerHost(args.server), {
      parent: this,
    });
    const kept = {
      ...{ parent: this, provider, protect: true, retainOnDelete: true, dependsOn: checked },
      // One that was there before, made by Compose, is taken over with all that it has.
      ignoreChanges: ["driver", "driverOpts", "labels"],
    };

    this.database = new docker.Volume(`${name}-database`, { name: names.database }, kept);
    this.files = new docker.Volume(`${name}-files`, { name: names.files }, kept);
    this.registerOutputs({ database: this.database.name, files: this.files.name });
  }
}
