import { UserError } from "../common/errors.ts";
import { CHANGELOGS } from "./changelog.ts";
import type { Migration } from "./compare.ts";
import { MIGRATIONS_FOLDER, readMigrations, type FileContent } from "./migrations/files.ts";
import type { Mirror } from "./mirror.ts";
import { listFiles, readObjects } from "./objects.ts";
import { resolveReference } from "./resolve.ts";
import { readCrateVersion, readWebVersion } from "./versions.ts";

/** What is known of a release before anything is sent to a server. */
export interface Release {
  /** As the operator wrote it. */
  name: string;
  tag?: string;
  /** 40 hexadecimal digits. */
  commit: string;
  /** When the commit was made, in UTC: `2026-03-01T12:00:00Z`. */
  committedAt: string;
  /** What `/api/health` will report. Many releases report the same. */
  crateVersion?: string;
  /** The web client's version, where the release has one. */
  webVersion?: string;
  /** Sorted by number. */
  migrations: Migration[];
  /** Text of the compose file at the root of the release. */
  composeFile: string;
  /** Text of the changelog, where the release has one. */
  changelog?: string;
  /** The SQL of each migration, by the file's name. */
  sql: ReadonlyMap<string, string>;
  /** What the operator should know, although the release can be used. */
  warnings: string[];
}

/** The names that Compose looks for, in its order. */
const COMPOSE_FILES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const WEB_VERSION_FILES = ["clients/web/static/version.json", "clients/web/version.json"];

/**
 * Finds a release in the mirror and reads what is known of it.
 *
 * @throws UserError where there is no such release, its tag was moved, or it isn't Chatalot's
 */
export async function describeRelease(mirror: Mirror, reference: string): Promise<Release> {
  const { name, tag, commit, warnings } = await resolveReference(mirror, reference);
  const { committedAt, files } = await readCommit(mirror, commit);
  const composeFile = textOf(files, COMPOSE_FILES);
  if (composeFile === undefined) {
    throw new UserError(
      `Release ${name} can't be deployed: commit ${commit} has no ${COMPOSE_FILES.join(" or ")}. ` +
        'Choose another release, or check "repository".',
    );
  }
  const manifests = files.filter(({ path }) => path.endsWith("Cargo.toml"));
  const crateVersion = readCrateVersion(
    new Map(manifests.map(({ path, content }) => [path, content.toString()])),
  );
  const changelog = textOf(files, CHANGELOGS);
  const webVersion = readWebVersion(textOf(files, WEB_VERSION_FILES));
  return {
    name,
    ...(tag === undefined ? {} : { tag }),
    commit,
    committedAt,
    ...(crateVersion === undefined ? {} : { crateVersion }),
    ...(webVersion === undefined ? {} : { webVersion }),
    migrations: readMigrations(files),
    composeFile,
    ...(changelog === undefined ? {} : { changelog }),
    sql: new Map(
      files
        .filter(({ path }) => path.startsWith(`${MIGRATIONS_FOLDER}/`))
        .map(({ path, content }) => [path.slice(MIGRATIONS_FOLDER.length + 1), content.toString()]),
    ),
    warnings,
  };
}

async function readCommit(
  mirror: Mirror,
  commit: string,
): Promise<{ committedAt: string; files: FileContent[] }> {
  const listed = await listFiles(mirror, commit, [
    ...COMPOSE_FILES,
    ...WEB_VERSION_FILES,
    ...CHANGELOGS,
    "Cargo.toml",
    "crates",
    MIGRATIONS_FOLDER,
  ]);
  const wanted = listed.filter(
    ({ path }) => !path.startsWith("crates/") || /^crates\/[^/]+\/Cargo\.toml$/.test(path),
  );
  const [header, ...contents] = await readObjects(mirror, [
    commit,
    ...wanted.map(({ object }) => object),
  ]);
  const seconds = /^committer .* (\d+) [+-]\d{4}$/m.exec(header?.toString() ?? "")?.[1];
  return {
    committedAt: new Date(Number(seconds) * 1_000).toISOString().replace(".000Z", "Z"),
    files: wanted.map(({ path, isLink }, at) => ({
      path,
      isLink,
      content: contents[at] ?? Buffer.alloc(0),
    })),
  };
}

/** The text of the first of these paths that is a file. */
function textOf(files: readonly FileContent[], paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const file = files.find((candidate) => candidate.path === path && !candidate.isLink);
    if (file !== undefined) return file.content.toString();
  }
  return undefined;
}
