import semver from "semver";
import { gitIn, updateMirror, UPSTREAM_TAGS, type Mirror } from "./mirror.ts";
import { isUsableTag, tagOf } from "./reference.ts";

/** A tag of the repository, as a list of releases shows it. */
export interface TaggedRelease {
  tag: string;
  /** The day of its commit, `2026-11-24`. */
  date: string;
  /** A version with a suffix (`v2.0.0-rc.1`), or no version at all: never proposed by itself. */
  isPreview: boolean;
}

/** The version in a release's name, which is a tag or has one; null for any other. */
export function taggedVersion(name: string): semver.SemVer | null {
  return semver.parse(tagOf(name) ?? null);
}

/** The tags that stand for a commit in what is known of the repository, the newest version first. */
export async function tagsAt(mirror: Mirror, commit: string): Promise<string[]> {
  const argv = ["for-each-ref", "--points-at", commit, "--format=%(refname)", UPSTREAM_TAGS];
  const tags = (await gitIn(mirror, argv))
    .toString()
    .split("\n")
    .map((ref) => ref.slice(UPSTREAM_TAGS.length))
    .filter(isUsableTag);
  const order = (tag: string): semver.SemVer | string => semver.parse(tag) ?? "0.0.0";
  return tags.sort((one, other) => semver.rcompare(order(one), order(other)));
}

/**
 * The tags of the repository as it is now: versions first, the newest one at the top; then the
 * others, by their date.
 *
 * @throws UserError where the repository can't be read
 */
export async function listTags(mirror: Mirror): Promise<TaggedRelease[]> {
  await updateMirror(mirror);
  const format = "%(refname)%09%(creatordate:short)";
  const argv = ["for-each-ref", "--sort=-creatordate", `--format=${format}`, UPSTREAM_TAGS];
  const text = (await gitIn(mirror, argv)).toString();
  const tags = text
    .split("\n")
    .map((line) => line.split("\t"))
    .map(([ref = "", date = ""]) => ({ tag: ref.slice(UPSTREAM_TAGS.length), date }))
    .filter(({ tag }) => isUsableTag(tag));
  const versions = tags.filter(({ tag }) => semver.valid(tag) !== null);
  const others = tags.filter(({ tag }) => semver.valid(tag) === null);
  versions.sort((one, other) => semver.rcompare(one.tag, other.tag));
  return [...versions, ...others].map((entry) => {
    const version = semver.parse(entry.tag);
    return { ...entry, isPreview: version === null || version.prerelease.length > 0 };
  });
}
