import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../common/errors.ts";
import { withLock } from "../../toolchain/lock.ts";
import { bundleApplication } from "../application/bundle.ts";
import { run } from "../commands.ts";
import { badReleases } from "./bad-releases.ts";
import { fastImportStream, type PlannedCommit } from "./fast-import.ts";
import { goodReleases } from "./good-releases.ts";
import type { Expected, ReleasePlan, Tree } from "./release-plan.ts";

export type { Expected } from "./release-plan.ts";

/** One commit of the sample repository. */
export interface SampleRelease {
  /** Its tag; the newest commit has none. */
  tag?: string;
  commit: string;
  /** The tag of the release that it was made from. */
  from?: string;
  subject: string;
  /** What deploying it over {@link from} must come to. */
  expected: Expected;
}

/** A git repository with the shape of Chatalot's, on this machine. */
export interface SampleRepository {
  directory: string;
  /** Its address for git. */
  url: string;
  /** Tag → commit. */
  tags: Readonly<Record<string, string>>;
  /** The newest commit of the branch `master`, which has no tag. */
  head: string;
  releases: readonly SampleRelease[];
}

/** What {@link makeSampleRepository} makes. */
export interface SampleRepositoryOptions {
  /**
   * Also the releases that go wrong.
   *
   * @default true
   */
  withBadReleases?: boolean;
}

/** Marks the folder as ours and names its content. */
const KEY_FILE = "sample-repository-key";

/**
 * Makes the sample repository, or finds the one made before. Its commit ids depend only on its
 * content: they are the same on every machine.
 *
 * @throws UserError when the folder holds something else
 */
export async function makeSampleRepository(
  directory: string,
  options: SampleRepositoryOptions = {},
): Promise<SampleRepository> {
  const path = resolve(directory);
  const base = await baseTree();
  const good = goodReleases(base, await goodMigrations());
  const plans = [...good, ...(options.withBadReleases === false ? [] : badReleases())];
  const commits = planCommits(plans, good.length);
  const stream = fastImportStream(commits);
  const key = createHash("sha256").update(stream).digest("hex");
  if ((await keyOf(path)) !== key) {
    const lock = { what: "makes the sample repository", waitSeconds: 120, report: () => undefined };
    await withLock("sample-repository", lock, () => make(path, stream, key));
  }
  return describe(path, plans, await readMarks(path));
}

async function make(path: string, stream: string, key: string): Promise<void> {
  const found = await keyOf(path);
  // Another process may have made it while this one waited for the lock.
  if (found === key) return;
  await refuseForeign(path, found);
  const { beside, made, replaced } = placesFor(path);
  await rm(beside, { recursive: true, force: true });
  await importInto(made, stream);
  await writeFile(join(made, ".git", KEY_FILE), key);
  // Ended at any point, it leaves at the path a whole repository, or nothing.
  if (found !== undefined) await rename(path, replaced);
  await rename(made, path);
  await rm(beside, { recursive: true, force: true });
}

/** Removes the sample repository, and what was left where the making of one was ended. */
export async function removeSampleRepository(directory: string): Promise<void> {
  const path = resolve(directory);
  await rm(placesFor(path).beside, { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}

/** Where a repository is made, and where an older one goes: in a folder beside its own. */
function placesFor(path: string): { beside: string; made: string; replaced: string } {
  const beside = `${path}.unfinished`;
  return { beside, made: join(beside, "made"), replaced: join(beside, "replaced") };
}

function keyOf(path: string): Promise<string | undefined> {
  return readFile(join(path, ".git", KEY_FILE), "utf8").catch(() => undefined);
}

/** Runs git without this machine's or this user's settings, so that nothing of theirs gets in. */
export async function git(
  directory: string,
  argv: readonly string[],
  input?: string,
): Promise<string> {
  const outcome = await run(`run git ${argv[0]}`, ["git", ...argv], {
    timeout: 60_000,
    directory,
    environment: {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
    },
    ...(input === undefined ? {} : { input }),
  });
  return outcome.stdout;
}

function planCommits(plans: readonly ReleasePlan[], numberOfGood: number): PlannedCommit[] {
  const commits: PlannedCommit[] = [];
  const byTag = new Map<string, PlannedCommit>();
  for (const [index, plan] of plans.entries()) {
    const parent = plan.from === undefined ? undefined : byTag.get(plan.from);
    const isGood = index < numberOfGood;
    const commit: PlannedCommit = {
      mark: index + 1,
      ...(parent === undefined ? {} : { parent: parent.mark }),
      branch: isGood ? "master" : "bad",
      ...(plan.tag === undefined ? {} : { tag: plan.tag }),
      isAnnotated: isGood,
      subject: plan.subject,
      tree: plan.change(parent?.tree ?? {}),
    };
    commits.push(commit);
    if (plan.tag !== undefined) byTag.set(plan.tag, commit);
  }
  return commits;
}

async function refuseForeign(path: string, key: string | undefined): Promise<void> {
  const names = await readdir(path).catch(() => []);
  if (key === undefined && names.length > 0) {
    throw new UserError(
      `Could not make the sample repository: ${path} holds something else. ` +
        "Remove that, or name another folder.",
    );
  }
}

async function importInto(path: string, stream: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await git(path, ["init", "--quiet", "--template=", "--object-format=sha1", "-b", "master"]);
  await git(path, ["config", "core.autocrlf", "false"]);
  await git(path, ["fast-import", "--quiet", "--force", `--export-marks=.git/marks`], stream);
  // The bad releases are reached by their tags; a branch of them would only be in the way.
  await git(path, ["update-ref", "-d", "refs/heads/bad"]);
  await git(path, ["reset", "--quiet", "--hard", "master"]);
}

async function readMarks(path: string): Promise<Map<number, string>> {
  const text = await readFile(join(path, ".git", "marks"), "utf8");
  return new Map(
    text
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([mark = "", commit = ""]) => [Number(mark.slice(1)), commit]),
  );
}

function describe(
  directory: string,
  plans: readonly ReleasePlan[],
  marks: ReadonlyMap<number, string>,
): SampleRepository {
  const releases = plans.map((plan, index): SampleRelease => {
    const commit = marks.get(index + 1);
    if (commit === undefined) throw new Error(`git made no commit for ${plan.subject}`);
    return {
      ...(plan.tag === undefined ? {} : { tag: plan.tag }),
      commit,
      ...(plan.from === undefined ? {} : { from: plan.from }),
      subject: plan.subject,
      expected: plan.expected,
    };
  });
  const tagged = releases.flatMap(({ tag, commit }) => (tag === undefined ? [] : [[tag, commit]]));
  return {
    directory,
    url: `file://${directory}`,
    tags: Object.fromEntries(tagged) as Record<string, string>,
    head: releases.find((release) => release.tag === undefined)?.commit ?? "",
    releases,
  };
}

/** The files that every release has, without migrations. */
async function baseTree(): Promise<Tree> {
  const files = await readTree(fileURLToPath(new URL("./files/", import.meta.url)), "");
  const { dockerignore = "", gitignore = "", ...others } = files;
  return {
    ...others,
    // Without their dots in this checkout, where they would have an effect.
    ".dockerignore": dockerignore,
    ".gitignore": gitignore,
    "server/server.cjs": await bundleApplication(),
  };
}

async function goodMigrations(): Promise<Tree> {
  return readTree(fileURLToPath(new URL("./migrations/", import.meta.url)), "migrations/");
}

async function readTree(directory: string, prefix: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const pairs = files.map(async (entry): Promise<[string, string]> => {
    const path = join(entry.parentPath, entry.name);
    return [prefix + path.slice(directory.length), await readFile(path, "utf8")];
  });
  return Object.fromEntries(await Promise.all(pairs));
}
