import * as pulumi from "@pulumi/pulumi";
import {
  deploymentInputs,
  type DeploymentSettings,
  releaseInputs,
  type ReleaseSettings,
  variableNames,
} from "../provider/inputs.ts";
import type { InstanceSecrets } from "../updater/protocol.ts";
import { Deployment, Release } from "./resources.ts";

export interface ComposeStackArgs
  extends
    ReleaseSettings,
    DeploymentSettings<pulumi.Input<Record<string, string>>, pulumi.Input<InstanceSecrets>> {}

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
    const { configuration, secretEnv } = args;
    this.release = new Release(
      `${name}-release`,
      releaseInputs(args, variablesOf(configuration, secretEnv)),
      { parent: this },
    );
    const { release, commit, crateVersion, webVersion, migrations, requires, sideImages } =
      this.release;
    this.deployment = new Deployment(
      `${name}-deployment`,
      {
        ...{ release, commit, crateVersion, webVersion, migrations, requires, sideImages },
        ...deploymentInputs(args),
      },
      { parent: this },
    );
    this.registerOutputs({ commit, instanceId: this.deployment.instanceId });
  }
}

/** Names are no secret: values that are may not be known yet. */
function variablesOf(
  configuration: ComposeStackArgs["configuration"],
  secretEnv: ComposeStackArgs["secretEnv"],
): pulumi.Output<string[]> {
  const secretNames = pulumi.unsecret(
    pulumi.output(secretEnv).apply((values) => Object.keys(values)),
  );
  return secretNames.apply((names) => variableNames(configuration, names));
}
