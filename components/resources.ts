/**
 * The resource types of the in-repository provider, as the program declares them. What they do is in
 * provider/, one file for each.
 */
import * as pulumi from "@pulumi/pulumi";
import type { PublicCheck } from "../provider/health.ts";
import type { HostNeeds } from "../provider/server/requirements.ts";
import type { ServerPlace } from "../provider/server/remote-server.ts";
import type { DatabaseRollback, HookSettings, ImageSettings } from "../settings/parse.ts";
import type { AlertSettings } from "../updater/alerts/protocol.ts";
import type { Schedule } from "../updater/schedule/protocol.ts";
import type { Configuration, GateLimits, InstanceSecrets } from "../updater/protocol.ts";

export interface HostArgs {
  /** Which server, and which instance on it. */
  place: pulumi.Input<ServerPlace>;
  /** What the preflight compares the server with. */
  needs: pulumi.Input<HostNeeds>;
}

/** A server that meets every requirement. */
export class Host extends pulumi.CustomResource {
  /** The processor: `x86_64` or `aarch64`. */
  declare readonly system: pulumi.Output<string>;
  /** Docker's version. */
  declare readonly docker: pulumi.Output<string>;

  constructor(name: string, args: HostArgs, options?: pulumi.CustomResourceOptions) {
    super("chatalot:index:Host", name, { ...args, system: undefined, docker: undefined }, options);
  }
}

export interface ReleaseArgs {
  /** Which server, and which instance on it. */
  place: pulumi.Input<ServerPlace>;
  /** URL of the repository that has the release. */
  repository: pulumi.Input<string>;
  /** A tag, a commit, or `tag@commit`. */
  release: pulumi.Input<string>;
  /** Where its images come from. Another source alone changes nothing: the commit's image is there. */
  images: pulumi.Input<ImageSettings>;
  /** Up to where the operator has read the breaking changes. */
  breakingChangesReadUpTo?: pulumi.Input<string | undefined>;
  /** What the database becomes, for the plan of it. Alone it changes nothing here. */
  rollback?: pulumi.Input<DatabaseRollback | undefined>;
  /** The profiles of Compose, to tell which services a release changes. */
  profiles?: pulumi.Input<string[]>;
  /** The names of the variables that are set, to tell which of a release's are missing. */
  variables?: pulumi.Input<string[]>;
}

/** A release whose tree and image are on the server. */
export class Release extends pulumi.CustomResource {
  /** As it was asked for: a tag, a commit, or both. */
  declare readonly release: pulumi.Output<string>;
  /** The commit, 40 hex digits. */
  declare readonly commit: pulumi.Output<string>;
  /** The version that its health endpoint reports. */
  declare readonly crateVersion: pulumi.Output<string | undefined>;
  /** The version of its web client. */
  declare readonly webVersion: pulumi.Output<string | undefined>;
  /** Its migrations: SHA-384 of each file by the file's name. */
  declare readonly migrations: pulumi.Output<Record<string, string>>;
  /** Variables without which Compose refuses its file. */
  declare readonly requires: pulumi.Output<string[]>;
  /** Its images that can be given a digest, by service. */
  declare readonly sideImages: pulumi.Output<Record<string, string> | undefined>;

  constructor(name: string, args: ReleaseArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = {
      commit: undefined,
      crateVersion: undefined,
      webVersion: undefined,
      migrations: undefined,
      requires: undefined,
      sideImages: undefined,
    };
    super("chatalot:index:Release", name, { ...args, ...outputs }, options);
  }
}

export interface DeploymentArgs {
  /** Which server, and which instance on it. */
  place: pulumi.Input<ServerPlace>;
  /** What to run: the outputs of a {@link Release} of the same names. */
  release: pulumi.Input<string>;
  commit: pulumi.Input<string>;
  crateVersion: pulumi.Input<string | undefined>;
  webVersion: pulumi.Input<string | undefined>;
  migrations: pulumi.Input<Record<string, string>>;
  requires: pulumi.Input<string[]>;
  sideImages: pulumi.Input<Record<string, string> | undefined>;
  /** How it runs: address, variables, profiles. */
  configuration: pulumi.Input<Omit<Configuration, "secretEnv">>;
  /** Secret variables of the server, by name. */
  secretEnv: pulumi.Input<Record<string, string>>;
  /** Secret. Proposals for a server that has none; one that has some keeps them. */
  secrets: pulumi.Input<InstanceSecrets>;
  /** When the new server counts as healthy; times in milliseconds. */
  gate: pulumi.Input<GateLimits>;
  /** How many releases that served stay on the server. */
  keepReleases: pulumi.Input<number>;
  /** How many copies of the database from before a migration stay beside it. */
  keepRevertPoints: pulumi.Input<number>;
  /** How many proven backups of updates stay. */
  keepBackups: pulumi.Input<number>;
  /** The number of the reverted job that may be tried again. */
  retry: pulumi.Input<number | undefined>;
  /** What the database becomes where the release doesn't know all of its migrations. */
  rollback: pulumi.Input<DatabaseRollback | undefined>;
  /** The operator's programs on this machine. Others alone change nothing. */
  hooks: pulumi.Input<HookSettings>;
}

/** A release that serves, proven healthy. */
export class Deployment extends pulumi.CustomResource {
  /** The commit that serves, 40 hex digits. */
  declare readonly commit: pulumi.Output<string>;
  /** The release that serves, as it was asked for. */
  declare readonly release: pulumi.Output<string>;
  /** The instance on the server; another one behind the same configuration is refused. */
  declare readonly instanceId: pulumi.Output<string>;
  /** The job that brought this state, as the server's ledger numbers it. */
  declare readonly sequence: pulumi.Output<number | undefined>;
  /** For how many seconds nothing answered in that job; undefined where nothing served before. */
  declare readonly downtimeSeconds: pulumi.Output<number | undefined>;
  /** Where the chat is published: on loopback until it has an owner, else as asked. */
  declare readonly listen: pulumi.Output<{ address: string; port: number } | undefined>;

  constructor(name: string, args: DeploymentArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = {
      instanceId: undefined,
      sequence: undefined,
      downtimeSeconds: undefined,
      listen: undefined,
    };
    super("chatalot:index:Deployment", name, { ...args, ...outputs }, options);
  }
}

export interface HealthArgs {
  /** Which server, and which instance on it. */
  place: pulumi.Input<ServerPlace>;
  /** The commit that serves: a new one is proven anew. */
  commit: pulumi.Input<string>;
  /** The job that brought it. */
  deployment: pulumi.Input<number | undefined>;
  /** The public address. */
  url: pulumi.Input<string | undefined>;
  /** What a public address that does not answer means. */
  public: pulumi.Input<PublicCheck>;
}

/** What serves is healthy. */
export class Health extends pulumi.CustomResource {
  /** `ok`; after a refresh also what the chat said instead. */
  declare readonly status: pulumi.Output<string>;
  /** The version that the server reports; all releases of a series may report the same one. */
  declare readonly version: pulumi.Output<string>;

  constructor(name: string, args: HealthArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "chatalot:index:Health",
      name,
      { ...args, status: undefined, version: undefined },
      options,
    );
  }
}

export interface BackupScheduleArgs {
  /** Which server, and which instance on it. */
  place: pulumi.Input<ServerPlace>;
  /** When, with what in it, and where copies go. */
  schedule: pulumi.Input<Schedule>;
}

/** Backups that the server takes by its own clock, whoever is away. */
export class BackupSchedule extends pulumi.CustomResource {
  /** The instance on the server. */
  declare readonly instanceId: pulumi.Output<string | undefined>;

  constructor(name: string, args: BackupScheduleArgs, options?: pulumi.CustomResourceOptions) {
    super("chatalot:index:BackupSchedule", name, { ...args, instanceId: undefined }, options);
  }
}

export interface WatchArgs {
  /** Which server, and which instance on it. */
  place: pulumi.Input<ServerPlace>;
  /** Secret, because of the webhook. */
  alerts: pulumi.Input<AlertSettings>;
}

/** Messages that the server sends by itself when something is wrong with it. */
export class Watch extends pulumi.CustomResource {
  /** The instance on the server. */
  declare readonly instanceId: pulumi.Output<string | undefined>;

  constructor(name: string, args: WatchArgs, options?: pulumi.CustomResourceOptions) {
    super("chatalot:index:Watch", name, { ...args, instanceId: undefined }, options);
  }
}
