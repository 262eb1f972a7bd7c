/** Which of two releases is the newer one, by their versions alone. */
import semver from "semver";
import { taggedVersion } from "../../release/tags.ts";

/** A release by what may have its version. */
export interface VersionedRelease {
  name: string;
  /** What the release calls itself. */
  version?: string;
}

/** What the second of two is beside the first. */
export type VersionOrder = "newer" | "older" | "unknown";

export function versionOrder(before: VersionedRelease, after: VersionedRelease): VersionOrder {
  // A tag and what the web client calls itself may be numbered apart.
  const order =
    compare(taggedVersion(before.name), taggedVersion(after.name)) ??
    compare(ownVersion(before), ownVersion(after)) ??
    0;
  return order === 0 ? "unknown" : order > 0 ? "newer" : "older";
}

function compare(before: semver.SemVer | null, after: semver.SemVer | null): number | undefined {
  return before === null || after === null ? undefined : after.compare(before);
}

/** The version that a release is told by: its tag's, else its own; null where it has none. */
export function versionOf(release: VersionedRelease): semver.SemVer | null {
  return taggedVersion(release.name) ?? ownVersion(release);
}

function ownVersion({ version }: VersionedRelease): semver.SemVer | null {
  return semver.parse(version ?? null);
}

/** Whether a heading of a changelog, `1.2.0` or `1.2`, is of a newer version; others are not. */
export function isAbove(heading: string, version: semver.SemVer): boolean {
  const own = semver.parse(heading) ?? semver.coerce(heading);
  return own !== null && own.compare(version) > 0;
}
