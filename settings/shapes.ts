/** The keys of the sections of the configuration, such as `server` and `backup`. */
import { serverAddressShape } from "../transport/address.ts";
import { DATABASE_WAYS } from "../updater/protocol.ts";
import {
  backupName,
  choice,
  directory,
  duration,
  folderHere,
  integer,
  ipAddress,
  size,
  sizeOrAll,
  volumeName,
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

/** Keys of `volumes`: where the data are, in a chat that was taken over. */
export const volumesShape = {
  /**
   * Docker's name of the volume with the database. Another one would be another database: pulumi refuses
   * to replace the one that it protects.
   *
   * @default the project's name with `_postgres_data`
   * @example pulumi config set --path volumes.database chat_postgres_data
   */
  database: volumeName.optional(),
  /**
   * Docker's name of the volume with the uploads.
   *
   * @default the project's name with `_file_storage`
   * @example pulumi config set --path volumes.files chat_file_storage
   */
  files: volumeName.optional(),
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
   * that the release can start on. `undo-scripts`: a copy of the current database, with your SQL run on it. Of what
   * was written since, only the last has anything. The current database is kept under another name.
   *
   * @default "refuse"
   */
  database: choice(["refuse", ...DATABASE_WAYS]).default("refuse"),
  /**
   * The number of the job that brought what serves: once something else does, this means nothing.
   *
   * 0: nothing serves yet, as on a server that a backup is restored onto.
   *
   * @default none; must be set where `rollback.database` is not `refuse`
   * @example pulumi config set --path rollback.job 12
   */
  job: integer(
    0,
    Number.MAX_SAFE_INTEGER,
    "expected the number of the job that brought what serves, for example 12",
  ).optional(),
  /**
   * For `backup`: the one that becomes the database, by its name. `npx chatalot restore` sets it. Also where
   * the release stays the same.
   *
   * @default none: the newest proven one that the release can start on
   * @example pulumi config set --path rollback.backup 000012-20260301T201500Z
   */
  backup: backupName.optional(),
  /**
   * The folder on this machine with the SQL for `undo-scripts`, named like the migrations. Absolute, or
   * beginning with `~/`.
   *
   * @default none; must be set where `rollback.database` is `undo-scripts`
   * @example pulumi config set --path rollback.scripts ~/undo
   */
  scripts: folderHere.optional(),
};
