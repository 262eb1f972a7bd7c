import * as z from "zod";
import { alertsShape, backupShape, hooksShape } from "./care-shapes.ts";
import {
  serverShape,
  healthShape,
  listenShape,
  buildShape,
  keepShape,
  rollbackShape,
  volumesShape,
} from "./shapes.ts";
import {
  boolean,
  choice,
  databaseImage,
  DEFAULT_REPOSITORY,
  integer,
  imageSource,
  names,
  projectName,
  release,
  repository,
  sideImages,
  url,
} from "./values.ts";

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
  /** Where the data are, if not in volumes with the usual names. Set by `npx chatalot adopt`. */
  volumes: section(volumesShape, "pulumi config set --path volumes.database chat_postgres_data"),
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
  /** Messages of the server's own to you when something is wrong with it. */
  alerts: section(alertsShape, "pulumi config set --path alerts.mail admin@example.org"),
  /** Programs around an update. */
  hooks: section(hooksShape, "pulumi config set --path hooks.beforeUpdate ~/hooks/announce"),
  /**
   * The number of a job that did not end well and whose release may be tried once more, as its error text names it.
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
  /**
   * Digests for images beside the server's own, by the services that run from them. A service of the
   * release's compose file (`postgres`, `coturn`, …) gets `name:tag@sha256:…` in the place of the same
   * `name:tag`, whose tag moves. Another name or tag than the release's is refused. `npx chatalot update --side-images`
   * sets them. A service without one runs from what the tag named when the server pulled it.
   *
   * @default none: nothing is updated but by a release
   * @example npx chatalot update --side-images
   */
  sideImages,
  /**
   * The database's image in the place of the release's. `npx chatalot upgrade-database` sets it, to bring the data to
   * a newer major version of PostgreSQL. Its tag begins with the major version. An older one than the server has is
   * refused; so is another version together with another release. Without it the server keeps what it was upgraded
   * to, and otherwise the release's image counts.
   *
   * @default none: what the release says, or what was upgraded to
   * @example npx chatalot upgrade-database --to postgres:18
   */
  databaseImage: databaseImage.optional(),
  /** What a build on the server may take. */
  build: section(buildShape, 'pulumi config set --path build.cache "5 GB"'),
  /** What runs the server. @default "docker" */
  runtime: choice(["docker"], /^systemd$/).default("docker"),
  /** What happens when the new release doesn't become healthy. @default "revert" */
  whenItFails: choice(["revert"], /^stop$/).default("revert"),
});
