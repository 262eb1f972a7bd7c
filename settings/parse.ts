import { isIPv6 } from "node:net";
import { type Duration, toMilliseconds } from "../common/duration.ts";
import { toBytes } from "../common/size.ts";
import { type VolumeNames, volumeNames } from "../common/volume-names.ts";
import type { ServerAddress } from "../transport/address.ts";
import { readEnvironment } from "./environment.ts";
import { problemsOf } from "./issues.ts";
import { configurationError, type Problem } from "./problems.ts";
import {
  accessProblems,
  backupProblems,
  contradictions,
  healthProblems,
  imageProblems,
  type Parsed,
  rollbackProblems,
  volumeProblems,
} from "./contradictions.ts";
import { settingsSchema } from "./schema.ts";
import { secrecyProblems } from "./secrecy.ts";
import type { AlertSettings } from "../updater/alerts/protocol.ts";
import type { DatabaseWay } from "../updater/protocol.ts";
import type { Schedule } from "../updater/schedule/protocol.ts";
import { isEverywhere, isLoopback } from "../updater/owner-guard.ts";
import { originOf } from "./values.ts";

/** The configuration of a stack, complete and checked. What the values mean: schema.ts. */
export interface Settings {
  release: string;
  repository: string;
  /** Null: this machine. */
  server: ServerAddress | null;
  directory: string;
  project: string;
  volumes: VolumeNames;
  /** Scheme and host without a slash at the end. */
  url?: string;
  listen: { address: string; port: number };
  beforeOwner: "loopback" | "open";
  /**
   * Variables of Chatalot that are no secrets, by their names. They reach the server as they are set,
   * also where Chatalot's compose file leaves them out. An unknown name, or a value that Chatalot would
   * silently ignore, is refused.
   *
   * @default none
   * @example pulumi config set --path env.REGISTRATION_MODE invite_only
   */
  env: Record<string, string>;
  /**
   * Secret variables of Chatalot, by their names. Set them with `--secret`: one that is not encrypted
   * is refused. Never shown.
   *
   * @default none
   * @example pulumi config set --path --secret secretEnv.GIPHY_API_KEY
   */
  secretEnv: Record<string, string>;
  profiles: string[];
  /** Digests in the place of tags, by service. */
  sideImages: Record<string, string>;
  /** The database's image in the place of the release's. */
  databaseImage?: string;
  health: {
    timeout: Duration;
    migrationTimeout: Duration;
    mustStayGoodFor: Duration;
    public: "warn" | "required" | "off";
  };
  keepReleases: number;
  keepRevertPoints: number;
  keepBackups: number;
  /** Whether backups by the clock and by hand have more than the database. */
  includeFiles: boolean;
  /** What the server does by the clock. */
  schedule?: Schedule;
  /** Whom the server tells that something is wrong. Secret, because of the webhook. */
  alerts?: AlertSettings;
  hooks: HookSettings;
  retry?: number;
  /** A release or a version. */
  breakingChangesReadUpTo?: string;
  rollback?: DatabaseRollback;
  prepareServer: boolean;
  whenItFails: "revert";
  images: ImageSettings;
}

/** The database that an older release is given, while what a job brought serves. */
export interface DatabaseRollback {
  way: DatabaseWay;
  job: number;
  /** For `undo-scripts`: the folder on this machine. */
  scripts?: string;
  /** For `backup`: its name. */
  backup?: string;
}

/** The operator's programs on this machine, each with its arguments. */
export interface HookSettings {
  beforeUpdate?: string[];
  afterUpdate?: string[];
  onFailure?: string[];
  /** In milliseconds, for each; also for those on the server. */
  timeLimit: number;
}

/** Where images come from, and what making them may take. */
export interface ImageSettings {
  /** `build`, `pull`, `auto`, or the name of an image. */
  image: string;
  buildOn: "server" | "here";
  /** The most memory of a build on the server, in bytes. */
  memoryBytes?: number;
  /** How much of the server's build cache stays after a build, in bytes. Absent: all of it. */
  cacheBytes?: number;
}

export interface ParseOptions {
  /** The project's name, which stands in front of every key. @default "chatalot-deploy" */
  namespace?: string;
  /**
   * Keys at the top whose value is encrypted in the stack file, also those whose value is not among `raw`.
   *
   * @default not known: then nothing is said about what must or can't be encrypted
   */
  secretKeys?: readonly string[];
}

/**
 * Reads the configuration of a stack.
 *
 * @param raw the values by their keys at the top, without the project's name
 * @throws UserError with everything that is wrong, one line for each
 */
export function parseSettings(raw: Record<string, unknown>, options: ParseOptions = {}): Settings {
  const { env: givenEnv, secretEnv: givenSecretEnv, ...rest } = raw;
  const { secretKeys } = options;
  const problems: Problem[] = [];
  const parsed = settingsSchema.safeParse(rest);
  // What is encrypted and not read is not missing.
  const isUnread = (key: string): boolean =>
    secretKeys?.includes(key) === true && !Object.hasOwn(raw, key);
  for (const issue of parsed.error?.issues ?? [])
    if (!isUnread(String(issue.path[0]))) problems.push(...problemsOf(issue, rest));
  const more = settingsSchema.shape.moreEnv.safeParse(rest["moreEnv"]).data ?? [];
  const env = readEnvironment("env", givenEnv, more, problems);
  const secretEnv = readEnvironment("secretEnv", givenSecretEnv, more, problems);
  problems.push(...contradictions(rest, env, secretEnv), ...secrecyProblems(raw, secretKeys));
  if (parsed.data !== undefined) {
    problems.push(...healthProblems(parsed.data.health), ...imageProblems(parsed.data));
    problems.push(...accessProblems(parsed.data), ...volumeProblems(parsed.data));
    problems.push(...rollbackProblems(parsed.data.rollback), ...backupProblems(parsed.data.backup));
  }
  if (problems.length > 0 || parsed.data === undefined) {
    throw configurationError(problems, options.namespace ?? "chatalot-deploy");
  }
  return settingsOf(parsed.data, env, secretEnv);
}

function volumesOf({ project, volumes }: Parsed): VolumeNames {
  const usual = volumeNames(project);
  return { database: volumes.database ?? usual.database, files: volumes.files ?? usual.files };
}

function settingsOf(
  parsed: Parsed,
  env: Record<string, string>,
  secretEnv: Record<string, string>,
): Settings {
  const { server, url, retry, keep, backup, profiles, rollback, ...others } = parsed;
  const { release, repository, project, health, prepareServer, whenItFails } = others;
  const { beforeOwner, ...listen } = others.listen;
  const { directory, host, ...access } = server;
  const { image, buildOn, build, breakingChangesReadUpTo, sideImages, databaseImage } = parsed;
  return {
    ...{ release, repository, project, listen, beforeOwner, health, prepareServer, whenItFails },
    server: host === undefined ? null : { ...access, host },
    directory,
    volumes: volumesOf(parsed),
    ...(url === undefined ? {} : { url: originOf(url) ?? url }),
    ...{ env, secretEnv },
    profiles: [...new Set(profiles)],
    sideImages,
    ...(databaseImage === undefined ? {} : { databaseImage }),
    keepReleases: keep.releases,
    keepRevertPoints: keep.revertPoints,
    keepBackups: backup.keepLast,
    includeFiles: backup.includeFiles,
    ...(backup.schedule === undefined
      ? {}
      : {
          schedule: {
            ...{ backup: backup.schedule, keep: backup.keepScheduled },
            files: backup.includeFiles,
            ...copiesOf(backup),
            ...(backup.drill === "never" ? {} : { drill: backup.drill }),
          },
        }),
    images: {
      image,
      // Without a server to send it to, both mean this machine.
      buildOn: host === undefined ? "server" : buildOn,
      ...(build.memory === undefined ? {} : { memoryBytes: toBytes(build.memory) }),
      ...(build.cache === "all" ? {} : { cacheBytes: toBytes(build.cache) }),
    },
    ...alertsOf(parsed),
    hooks: hooksOf(parsed.hooks),
    ...(retry === undefined ? {} : { retry }),
    ...(breakingChangesReadUpTo === undefined ? {} : { breakingChangesReadUpTo }),
    ...(rollback.database === "refuse" || rollback.job === undefined
      ? {}
      : {
          rollback: {
            ...{ way: rollback.database, job: rollback.job },
            ...(rollback.scripts === undefined ? {} : { scripts: rollback.scripts }),
            ...(rollback.backup === undefined ? {} : { backup: rollback.backup }),
          },
        }),
  };
}

function copiesOf({ copyTo, encryptTo }: Parsed["backup"]): Pick<Schedule, "copyTo" | "encryptTo"> {
  if (copyTo === undefined) return {};
  return { copyTo, ...(encryptTo.length === 0 ? {} : { encryptTo }) };
}

function alertsOf({ alerts, url }: Parsed): Pick<Settings, "alerts"> {
  const { webhook, mail, every, diskFree } = alerts;
  if (webhook === undefined && mail === undefined) return {};
  return {
    alerts: {
      ...(webhook === undefined ? {} : { webhook }),
      ...(mail === undefined ? {} : { mail }),
      every: toMilliseconds(every) / 1000,
      diskFree: toBytes(diskFree),
      ...(url === undefined ? {} : { url: originOf(url) ?? url }),
    },
  };
}

function hooksOf({
  timeLimit,
  beforeUpdate,
  afterUpdate,
  onFailure,
}: Parsed["hooks"]): HookSettings {
  return {
    ...(beforeUpdate === undefined ? {} : { beforeUpdate }),
    ...(afterUpdate === undefined ? {} : { afterUpdate }),
    ...(onFailure === undefined ? {} : { onFailure }),
    timeLimit: toMilliseconds(timeLimit),
  };
}

/**
 * Where the chat is for its visitors, or for a reverse proxy where it has no public address. All
 * addresses together are none that a browser could open, so the server's name stands for them.
 *
 * @param published where it is published now: with the owner guard not where the settings say
 */
export function addressOf(
  { url, listen, server }: Pick<Settings, "url" | "listen" | "server">,
  published: Settings["listen"] = listen,
): string {
  const { address, port } = published;
  if (url !== undefined && address === listen.address) return url;
  if (isEverywhere(address)) return http(server?.host ?? "localhost", port);
  const isInside = server !== null && isLoopback(address);
  return isInside ? `${http(address, port)} on ${server.host}` : http(address, port);
}

function http(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
