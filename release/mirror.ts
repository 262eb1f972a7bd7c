import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachePath } from "../common/cache.ts";
import { UserError } from "../common/errors.ts";
import { git, GitError, type GitOptions } from "./git.ts";
import { withLock } from "./mirror-lock.ts";
import { isUsableTag } from "./reference.ts";
import { parseRepository, type Repository } from "./repository-url.ts";

export interface MirrorOptions {
  /**
   * Folder of everything that this tool keeps for its own speed.
   *
   * @default `$XDG_CACHE_HOME/chatalot-deploy`, or `~/.cache/chatalot-deploy`
   */
  cacheDirectory?: string;
  /**
   * Milliseconds for reading from the repository; the first time everything is read.
   *
   * @default ten minutes
   */
  fetchTimeLimit?: number;
  signal?: AbortSignal;
}

/** A copy of a release repository on this machine: bare, for reading only. */
export interface Mirror {
  readonly repository: Repository;
  /** The bare repository. */
  readonly directory: string;
  readonly fetchTimeLimit: number;
  /**
   * Milliseconds in which the repository has to answer at all before anything is read from it: for those who can
   * do without it. Absent: it is not asked before.
   */
  readonly answerTimeLimit?: number;
  readonly signal?: AbortSignal;
}

/** Branches and tags of the repository as they were read last. */
export const UPSTREAM_TAGS = "refs/upstream/tags/";
export const UPSTREAM_BRANCHES = "refs/upstream/heads/";

/**
 * The commit that a tag named when it was seen first. These are never changed: a tag that is moved
 * later is noticed. They also keep the commits of tags that are deleted.
 */
export function pinOf(tag: string): string {
  // The last part keeps a tag `a` apart from a later tag `a/b`: no tag has a part with a dash first.
  return `refs/pins/${tag}/-`;
}

/**
 * Opens the copy of a repository and makes an empty one where there is none. Nothing is read from
 * the repository yet.
 *
 * @throws UserError where the address can't be used
 */
export async function openMirror(address: string, options: MirrorOptions = {}): Promise<Mirror> {
  const repository = parseRepository(address);
  // Without the credentials: a renewed token must not lose what is known of the tags.
  const key = createHash("sha256").update(repository.url).digest("hex");
  const folder = join(options.cacheDirectory ?? cachePath(), "mirrors");
  const directory = join(folder, key);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await exists(directory))) await create(folder, directory);
  return {
    repository,
    directory,
    fetchTimeLimit: options.fetchTimeLimit ?? 600_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

/** The repository can't be read now; what was read of it before may do. */
export class UnreadableRepositoryError extends UserError {}

/** Runs git on the mirror. For reading from the repository itself there is {@link updateMirror}. */
export async function gitIn(
  mirror: Mirror,
  argv: readonly string[],
  options: Omit<GitOptions, "remote" | "signal"> = {},
): Promise<Buffer> {
  return await git(mirror.directory, argv, {
    ...options,
    ...(mirror.signal === undefined ? {} : { signal: mirror.signal }),
  });
}

const updates = new Map<string, Promise<void>>();

/**
 * Reads branches and tags from the repository, once in a process: what is decided in one run is
 * decided on one state of the repository. A failure counts as well, and is thrown to every caller.
 *
 * @throws UserError naming the repository and the cause
 */
export async function updateMirror(mirror: Mirror): Promise<void> {
  let update = updates.get(mirror.directory);
  if (update === undefined) {
    update = fetchAndPin(mirror);
    updates.set(mirror.directory, update);
  }
  await update;
}

/** Lets {@link updateMirror} read again, for a process that lives longer than one decision. */
export function forgetUpdates(): void {
  updates.clear();
}

async function fetchAndPin(mirror: Mirror): Promise<void> {
  const { repository, directory, fetchTimeLimit, answerTimeLimit } = mirror;
  const remoteGit = (argv: readonly string[], timeLimit: number): Promise<Buffer> =>
    git(directory, argv, {
      remote: repository,
      timeLimit,
      ...(mirror.signal === undefined ? {} : { signal: mirror.signal }),
    });
  try {
    // Where packets are lost, git waits for minutes; a first reading may rightly take as long.
    if (answerTimeLimit !== undefined)
      await remoteGit(["ls-remote", "--quiet", "--", repository.url, "HEAD"], answerTimeLimit);
    await withLock(`${directory}.lock`, fetchTimeLimit + 60_000, async () => {
      await remoteGit(FETCH(repository.url), fetchTimeLimit);
      await pinNewTags(mirror);
    });
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new UnreadableRepositoryError(
      `The repository ${repository.url} can't be read: ${error.message}. ${ADVICE[repository.kind]}`,
      { cause: error },
    );
  }
}

const FETCH = (url: string): string[] => [
  "fetch",
  "--quiet",
  "--prune",
  "--no-tags",
  "--no-recurse-submodules",
  "--no-write-fetch-head",
  "--end-of-options",
  url,
  `+refs/heads/*:${UPSTREAM_BRANCHES}*`,
  `+refs/tags/*:${UPSTREAM_TAGS}*`,
];

const ADVICE: Record<Repository["kind"], string> = {
  https: 'Check "repository", the network and, for a private repository, the access token.',
  ssh: 'Check "repository", and that `ssh` reaches the host without asking (key in the agent, host key known).',
  local: 'Check "repository": it must be the absolute path of a git repository you may read.',
};

async function pinNewTags(mirror: Mirror): Promise<void> {
  const text = await gitIn(mirror, [
    "for-each-ref",
    "--format=%(refname)",
    UPSTREAM_TAGS,
    "refs/pins",
  ]);
  const refs = new Set(text.toString().split("\n"));
  const tags = [...refs]
    .filter((ref) => ref.startsWith(UPSTREAM_TAGS))
    .map((ref) => ref.slice(UPSTREAM_TAGS.length))
    .filter((tag) => isUsableTag(tag) && !refs.has(pinOf(tag)));
  const commits = await commitsOf(
    mirror,
    tags.map((tag) => UPSTREAM_TAGS + tag),
  );
  const commands = tags.flatMap((tag, at) => {
    const commit = commits[at];
    return commit === undefined ? [] : [`create ${pinOf(tag)} ${commit}\n`];
  });
  if (commands.length > 0) {
    await gitIn(mirror, ["update-ref", "--stdin"], { input: commands.join("") });
  }
}

/**
 * The commits that names stand for (full names of refs, or hexadecimal digits), in the same order;
 * undefined for one that is unknown, ambiguous, or no commit.
 */
export async function commitsOf(
  mirror: Mirror,
  names: readonly string[],
): Promise<(string | undefined)[]> {
  const input = names.map((name) => `${name}^{commit}\n`).join("");
  const output = await gitIn(mirror, ["cat-file", "--batch-check=%(objectname) %(objecttype)"], {
    input,
  });
  const lines = output.toString().split("\n");
  return names.map((_name, at) => /^([0-9a-f]{40}) commit$/.exec(lines[at] ?? "")?.[1]);
}

/** Attributes for all files, above those of the tree: an archive has the bytes of the commit. */
const ATTRIBUTES =
  "* -text -eol -ident -filter -working-tree-encoding -export-subst -export-ignore\n";

async function create(folder: string, directory: string): Promise<void> {
  const temporary = join(folder, `.new-${randomUUID()}`);
  try {
    await git(temporary, ["init", "--quiet", "--bare", "--template="]);
    await mkdir(join(temporary, "info"), { recursive: true });
    await writeFile(join(temporary, "info", "attributes"), ATTRIBUTES);
    await rename(temporary, directory);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(await exists(directory))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
