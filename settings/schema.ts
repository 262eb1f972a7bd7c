import { z } from "zod";
import { serverAddressShape } from "../transport/address.ts";
import { DATABASE_WAYS } from "../updater/protocol.ts";
import {
  boolean,
  calendar,
  calendarOr,
  choice,
  DEFAULT_REPOSITORY,
  directory,
  duration,
  folderHere,
  integer,
  imageSource,
  ipAddress,
  names,
  projectName,
  release,
  repository,
  size,
  sizeOrAll,
  url,
} from "./values.ts";

/** Keys of `server`: how it is reached (see transport/address.ts), and where on it. */
export const serverShape = {
  ...serverAddressShape,
  /**
   * A host name, an IP address, or a `Host` of the operator's ssh_config.
   *
   * @default this machine
   * @example pulumi config set --path server.host chat.example.org
   */
  host: serverAddressShape.host.optional(),
  /**
   * The folder of the deployment on the server: releases, backups, journal. Another folder is
   * another instance: a stack that deployed to one refuses to go on in an empty one.
   *
   * @default "/srv/chatalot", as upstream's script
   */
  directory: directory.default("/srv/chatalot"),
};

/** Keys of `health`: when a new release counts as healthy. */
export const healthShape = {
  /**
   * How long the new server may take to become healthy; its migrations are not counted. When the
   * time is up, the release before comes back. From "10 seconds" to "1 hour".
   *
   * @default "60 seconds"
   */
  timeout: duration("10 seconds", "1 hour", "60 seconds").default("60 seconds"),
  /**
   * How long its migrations may take. When the time is up, the release before comes back, if its
   * database still is as it was. From "10 seconds" to "7 days".
   *
   * @default "30 minutes"
   */
  migrationTimeout: duration("10 seconds", "7 days", "30 minutes").default("30 minutes"),
  /**
   * How long it must then stay healthy without a break before the update is final. From "1 second"
   * to "10 minutes", and shorter than `timeout`.
   *
   * @default "10 seconds"
   */
  mustStayGoodFor: duration("1 second", "10 minutes", "10 seconds").default("10 seconds"),
  /**
   * What it means when the public address (`url`) doesn't answer after an update: `warn` says so,
   * `required` makes the run fail (the update is not reverted), `off` doesn't ask.
   *
   * @default "warn"
   */
  public: choice(["warn", "required", "off"]).default("warn"),
};

/** Keys of `listen`: where the server's port is published on its host. */
export const listenShape = {
  /**
   * An address of the host. With "0.0.0.0" the chat is open to everybody who can reach the host
   * (Docker's rules come before ufw's). Until there is an account, see `listen.beforeOwner`.
   *
   * @default "127.0.0.1": only the host itself, for a reverse proxy
   */
  address: ipAddress.default("127.0.0.1"),
  /**
   * A free port of the host.
   *
   * @default 8080
   */
  port: integer(1, 65_535, "expected a port from 1 to 65535, for example 8080").default(8080),
  /**
   * Where the chat is published as long as it has no account. `loopback`: on 127.0.0.1 whatever
   * `address` says, until one has registered through a tunnel. `open`: as asked, so that whoever comes
   * first owns it; right where something else keeps strangers away.
   *
   * @default "loopback"
   */
  beforeOwner: choice(["loopback", "open"]).default("loopback"),
};

/** Keys of `build`: what a build on the server may take. */
export const buildShape = {
  /**
   * The most memory that all steps of a build may take together, so that a build never takes what
   * the running chat needs. A build that needs more is ended, and nothing was touched. At least
   * "4 MB"; the real server needs about "2 GB". Memory that the system swaps out is not counted.
   *
   * @default none: a build may take all that is free
   * @example pulumi config set --path build.memory "2 GB"
   */
  memory: size("4 MB", "1000 GB", "2 GB").optional(),
  /**
   * How much of Docker's build cache stays after a build, the newest first. The server has one such
   * cache, so that this removes cache of your own builds there as well; never an image, a container
   * or a volume. From "0 MB", or "all": nothing is removed.
   *
   * @default "5 GB"
   */
  cache: sizeOrAll("0 MB", "1000 GB", "5 GB").default("5 GB"),
};

/** Keys of `keep`: what stays on the server for going back. */
export const keepShape = {
  /**
   * How many releases that served stay on the server, ready to be started again without a build.
   * From 1 to 100; each takes about the size of its image.
   *
   * @default 5
   */
  releases: integer(1, 100, "expected a number from 1 to 100, for example 5").default(5),
  /**
   * How many copies of the database, each of the moment before a release with migrations started,
   * stay beside it. From 0 to 20; each takes as much of the disk as the database.
   *
   * @default 1
   */
  revertPoints: integer(0, 20, "expected a number from 0 to 20, for example 1").default(1),
};

/** Keys of `rollback`: `npx chatalot rollback` sets them for one run. */
export const rollbackShape = {
  /**
   * What the database becomes when `release` is one that doesn't know all of its migrations. `refuse`:
   * the preview refuses. `revert-point`: a copy that is kept beside it. `backup`: the newest proven backup
   * that the release can start on. What was written since is not in these. `undo-scripts`: a copy of the
   * database of now, with your SQL run on it. The database of now is kept under another name.
   *
   * @default "refuse"
   */
  database: choice(["refuse", ...DATABASE_WAYS]).default("refuse"),
  /**
   * The number of the job that brought what serves: once something else does, this means nothing.
   *
   * @default none; must be set where `rollback.database` is not `refuse`
   * @example pulumi config set --path rollback.job 12
   */
  job: integer(
    1,
    Number.MAX_SAFE_INTEGER,
    "expected the number of the job that brought what serves, for example 12",
  ).optional(),
  /**
   * The folder on this machine with the SQL for `undo-scripts`, named like the migrations. Absolute, or
   * beginning with `~/`.
   *
   * @default none; must be set where `rollback.database` is `undo-scripts`
   * @example pulumi config set --path rollback.scripts ~/undo
   */
  scripts: folderHere.optional(),
};

/** Keys of `backup`: the dumps that every update takes, and those by the clock. */
export const backupShape = {
  /**
   * How many proven backups of updates stay on the server. Before each change of the release one is
   * taken, and proven by restoring it into a throwaway database. The last proven one always stays, and so
   * does each that was taken by hand. From 1 to 1000.
   *
   * @default 5
   */
  keepLast: integer(1, 1_000, "expected a number from 1 to 1000, for example 5").default(5),
  /**
   * When the server backs itself up besides, by its own clock: a calendar expression of systemd with the
   * name of a time zone at its end. One that falls into a time when the server is off is taken when it is
   * back; one that falls into an update, after it. Each is proven as those of updates are. `npx chatalot
   * status` says when the next comes, how the last went, and warns where backups are too old.
   *
   * @default none: only updates take backups
   * @example pulumi config set --path backup.schedule "*-*-* 03:30 Europe/Berlin"
   */
  schedule: calendar.optional(),
  /**
   * How many proven backups by the clock stay on the server. From 1 to 1000.
   *
   * @default 7
   */
  keepScheduled: integer(1, 1_000, "expected a number from 1 to 1000, for example 7").default(7),
  /**
   * When the server restores all backups that it has, one after the other, to find those that have become
   * bad on its disk. A calendar expression as of `backup.schedule`, or "never". Means nothing without
   * `backup.schedule`.
   *
   * @default `*-*-01 05:00 UTC`, once a month
   */
  drill: calendarOr("never").default("*-*-01 05:00 UTC"),
};

function section<T extends z.ZodRawShape>(shape: T, example: string) {
  const error = `expected settings of its own, for example ${example}`;
  // An absent section has the defaults of its members.
  return z.preprocess((value) => value ?? {}, z.strictObject(shape, { error }));
}

/** All keys of the configuration except `env` and `secretEnv`, see environment.ts. */
export const settingsSchema = z.strictObject({
  /**
   * The release to run: a tag, a commit (7 to 40 hexadecimal digits), or both as `tag@commit`. A tag
   * is resolved once; one that is moved later is refused. Must be set.
   *
   * @example pulumi config set release v0.22.6
   */
  release,
  /**
   * The git repository with the releases: https, ssh, or an absolute path on this machine. Without
   * credentials: git's own credential helpers and SSH keys are used.
   *
   * @default Chatalot's public repository
   */
  repository: repository.default(DEFAULT_REPOSITORY),
  /** How the server is reached, and where on it. @default this machine */
  server: section(serverShape, "pulumi config set --path server.host chat.example.org"),
  /**
   * Name of the instance: of the Compose project, its networks and volumes. Data are found by it,
   * so a new name is a new, empty chat. Lower-case letters, digits, - and _; at most 40.
   *
   * @default "chatalot"
   */
  project: projectName.default("chatalot"),
  /**
   * The public address of the chat, without a path. Sets PUBLIC_URL.
   *
   * @default none: links in the chat are made from the address that a visitor uses
   * @example pulumi config set url https://chat.example.org
   */
  url: url.optional(),
  /** Where the server's port is published on its host. */
  listen: section(listenShape, "pulumi config set --path listen.port 8080"),
  /**
   * Profiles of the release's compose file whose services run besides the server and its database:
   * `production` (Cloudflare tunnel), `quick-tunnel`, `turn`.
   *
   * @default none
   * @example pulumi config set profiles turn,production
   */
  profiles: names(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/,
    "expected names of profiles, for example turn,production",
  ).default([]),
  /**
   * Names of variables that this version doesn't know and that are allowed under `env` and
   * `secretEnv` all the same.
   *
   * @default none
   * @example pulumi config set --path 'moreEnv[0]' NEW_IN_CHATALOT
   */
  moreEnv: names(
    /^[A-Z_][A-Z0-9_]{0,127}$/,
    "expected names of variables in capital letters, for example NEW_IN_CHATALOT",
  ).default([]),
  /** When a new release counts as healthy. */
  health: section(healthShape, 'pulumi config set --path health.timeout "60 seconds"'),
  /** What stays on the server for going back. */
  keep: section(keepShape, "pulumi config set --path keep.releases 5"),
  /** What a release gets that doesn't know all migrations of the database. */
  rollback: section(rollbackShape, "pulumi config set --path rollback.database backup"),
  /** The backups that updates take, and those by the clock. */
  backup: section(backupShape, "pulumi config set --path backup.keepLast 5"),
  /**
   * The number of a reverted job whose release may be tried once more, as its error text names it.
   *
   * @default none: a release that was reverted is refused
   * @example pulumi config set retry 12
   */
  retry: integer(
    1,
    Number.MAX_SAFE_INTEGER,
    "expected the number of the reverted job, for example 12",
  ).optional(),
  /**
   * The release up to which you have read the breaking changes that its changelog and commits name: the
   * one asked for, or a version, which also covers those before. An update with others is refused, and
   * shows them.
   *
   * @default none: an update with breaking changes is refused
   * @example pulumi config set breakingChangesReadUpTo v2.0.0
   */
  breakingChangesReadUpTo: release.optional(),
  /**
   * Install Docker, Compose or buildx where they are missing (Debian and Ubuntu, from the
   * distribution's packages).
   *
   * @default false: such a server is refused
   * @example pulumi config set prepareServer true
   */
  prepareServer: boolean.default(false),
  /**
   * Where the image of service `chatalot` comes from. Whatever it is, the image counts only if its
   * label `org.opencontainers.image.revision` is the release's commit.
   *
   * - `build`: it is built from the release's tree.
   * - `pull`: the published one is pulled (of a repository on GitHub: `ghcr.io/<owner>/<name>`, with
   *   the release's tag without its `v`, the tag, or the commit). Without the right one there is no
   *   update.
   * - `auto`: as `pull`, but where the right one can't be had, it is built.
   * - a name, such as `ghcr.io/us/chatalot`, `ghcr.io/us/chatalot:0.22.6` or with `@sha256:…`: as
   *   `pull`, from there. For a private registry run `docker login <registry>` as root on the server.
   *
   * The default is `build` because what runs is then known to come from the release's tree; a label
   * is only what somebody wrote on an image.
   *
   * @default "build"
   * @example pulumi config set image auto
   */
  image: imageSource.default("build"),
  /**
   * Where the image is built: on the `server`, or `here`, by this machine's Docker with buildx, which
   * must be able to build for the server's processor; the image is then sent. Without `server.host`
   * both are the same.
   *
   * @default "server"
   * @example pulumi config set buildOn here
   */
  buildOn: choice(["server", "here"]).default("server"),
  /** What a build on the server may take. */
  build: section(buildShape, 'pulumi config set --path build.cache "5 GB"'),
  /** What runs the server. @default "docker" */
  runtime: choice(["docker"], /^systemd$/).default("docker"),
  /** What happens when the new release doesn't become healthy. @default "revert" */
  whenItFails: choice(["revert"], /^stop$/).default("revert"),
});
