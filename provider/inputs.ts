/**
 * The inputs of the resources from the settings of a stack, without what one resource gives another. The
 * program and the commands that ask the same questions have them from here, so that they get the same answers.
 */
import type { DatabaseRollback, HookSettings, ImageSettings } from "../settings/parse.ts";
import type { Configuration, GateLimits } from "../updater/protocol.ts";
import { buildPlace } from "./images.ts";
import type { ServerPlace } from "./server/remote-server.ts";
import type { HostNeeds } from "./server/requirements.ts";

export interface HostSettings {
  place: ServerPlace;
  /** The address and port that will be published. */
  listen: { address: string; port: number };
  images: ImageSettings;
  /** Whether what is missing is installed before. */
  prepareServer: boolean;
}

export function hostInputs({ place, listen, images, prepareServer }: HostSettings): {
  place: ServerPlace;
  needs: HostNeeds;
} {
  const { directory } = place;
  return { place, needs: { directory, listen, prepareServer, buildPlace: buildPlace(images) } };
}

export interface ReleaseSettings {
  place: ServerPlace;
  /** URL of the repository that has the release. */
  repository: string;
  /** A tag, a commit, or `tag@commit`. */
  release: string;
  /** Where the images come from, and what making them may take. */
  images: ImageSettings;
  /** The release up to which the operator has read the breaking changes. */
  breakingChangesReadUpTo?: string | undefined;
  /** What the database becomes, for the plan of it; the deployment does it. */
  rollback?: DatabaseRollback | undefined;
  /** The profiles of Compose, to tell which services an update changes. */
  profiles: string[];
}

/** @param variables the names of all that are set, see {@link variableNames} */
export function releaseInputs<Variables>(settings: ReleaseSettings, variables: Variables) {
  const { place, repository, release, images, breakingChangesReadUpTo, rollback, profiles } =
    settings;
  const plan = { rollback, profiles, variables };
  return { place, repository, release, images, breakingChangesReadUpTo, ...plan };
}

/** Sorted, so that another order is no change. */
export function variableNames(
  { env, url }: Omit<Configuration, "secretEnv">,
  secretNames: readonly string[],
): string[] {
  const names = [...Object.keys(env), ...secretNames];
  return [...names, ...(url === undefined ? [] : ["PUBLIC_URL"])].sort();
}

export interface DeploymentSettings<SecretEnv, Secrets> {
  place: ServerPlace;
  /** How the server runs, besides its release. */
  configuration: Omit<Configuration, "secretEnv">;
  /** Secret environment of the server. */
  secretEnv: SecretEnv;
  /** Proposals for a server that has no secrets yet. */
  secrets: Secrets;
  /** When the new server counts as healthy. */
  gate: GateLimits;
  /** How many releases that served stay on the server. */
  keepReleases: number;
  /** How many copies of the database from before a migration stay beside it. */
  keepRevertPoints: number;
  /** How many proven backups stay. */
  keepBackups: number;
  /** The number of the reverted job that may be tried again. */
  retry?: number | undefined;
  /** What the database becomes where the release doesn't know all of its migrations. */
  rollback?: DatabaseRollback | undefined;
  /** The operator's programs on this machine, around a change of what serves. */
  hooks: HookSettings;
}

export function deploymentInputs<SecretEnv, Secrets>(
  settings: DeploymentSettings<SecretEnv, Secrets>,
) {
  const { place, configuration, secretEnv, secrets, gate, hooks, retry, rollback } = settings;
  const { keepReleases, keepRevertPoints, keepBackups } = settings;
  return {
    ...{ place, configuration, secretEnv, secrets, gate },
    ...{ keepReleases, keepRevertPoints, keepBackups, retry, rollback, hooks },
  };
}
