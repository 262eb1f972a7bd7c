import * as pulumi from "@pulumi/pulumi";
import type { ServerPlace } from "../provider/server/remote-server.ts";
import type { DatabaseRollback, HookSettings, ImageSettings } from "../settings/parse.ts";
import type { Configuration, GateLimits, InstanceSecrets } from "../updater/protocol.ts";
import { Deployment, Release } from "./resources.ts";

export interface ComposeStackArgs {
  /** Which server, and which instance on it. */
  place: ServerPlace;
  /** URL of the repository that has the release. */
  repository: string;
  /** A tag, a commit, or `tag@commit`. */
  release: string;
  /** Where the images come from, and what making them may take. */
  images: ImageSettings;
  /** The release up to which the operator has read the breaking changes. */
  breakingChangesReadUpTo?: string;
  /** How the server runs, besides its release. */
  configuration: Omit<Configuration, "secretEnv">;
  /** Secret environment of the server. */
  secretEnv: pulumi.Input<Record<string, string>>;
  /** Proposals for a server that has no secrets yet. */
  secrets: pulumi.Input<InstanceSecrets>;
  /** When the new server counts as healthy. */
  gate: GateLimits;
  /** How many releases that served stay on the server. */
  keepReleases: number;
  /** How many copies of the database from before a migration stay beside it. */
  keepRevertPoints: number;
  /** How many proven backups stay. */
  keepBackups: number;
  /** The number of the reverted job that may be tried again. */
  retry?: number;
  /** What the database becomes where the release doesn't know all of its migrations. */
  rollback?: DatabaseRollback;
  /** The operator's programs on this machine, around a change of what serves. */
  hooks: HookSettings;
}

/**
 * The running chat: its release, and the deployment of it.
 *
 * Two resources, so that everything slow (tree, build) is done and recorded before the swap, and a
 * failed swap doesn't build again.
 */
export class ComposeStack extends pulumi.ComponentResource {
  /** The release, prepared on the server. */
  readonly release: Release;
  /** What serves. */
  readonly deployment: Deployment;

  constructor(name: string, args: ComposeStackArgs, options?: pulumi.ComponentResourceOptions) {
    super("chatalot:index:ComposeStack", name, {}, options);
    const { place, repository, configuration, secretEnv, secrets, gate, keepReleases } = args;
    const { keepRevertPoints, keepBackups } = args;

    this.release = new Release(
      `${name}-release`,
      {
        ...{ place, repository, release: args.release, images: args.images },
        breakingChangesReadUpTo: args.breakingChangesReadUpTo,
        variables: variablesOf(configuration, secretEnv),
      },
      { parent: this },
    );
    const { release, commit, crateVersion, webVersion, migrations, requires, sideImages } =
      this.release;
    this.deployment = new Deployment(
      `${name}-deployment`,
      {
        place,
        ...{ release, commit, crateVersion, webVersion, migrations, requires },
        sideImages,
        ...{ configuration, secretEnv, secrets, gate, keepReleases },
        ...{ keepRevertPoints, keepBackups },
        retry: args.retry,
        rollback: args.rollback,
        hooks: args.hooks,
      },
      { parent: this },
    );
    this.registerOutputs({ commit, instanceId: this.deployment.instanceId });
  }
}

/** Sorted, so that another order is no change. Names are no secret: values that are may not be known yet. */
function variablesOf(
  { env, url }: Omit<Configuration, "secretEnv">,
  secretEnv: pulumi.Input<Record<string, string>>,
): pulumi.Output<string[]> {
  const secretNames = pulumi.unsecret(
    pulumi.output(secretEnv).apply((values) => Object.keys(values)),
  );
  return secretNames.apply((names) =>
    [...Object.keys(env), ...names, ...(url === undefined ? [] : ["PUBLIC_URL"])].sort(),
  );
}
