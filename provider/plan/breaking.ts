/** Breaking changes have to be read before they are brought: an update that needs hands must wait for them. */
import semver from "semver";
import { parseReference } from "../../release/reference.ts";
import type { Plan } from "./plan.ts";

/**
 * Refuses an update with breaking changes that were not read.
 *
 * @param readUpTo the setting `breakingChangesReadUpTo`: the release asked for, its commit, or a version
 */
export function breakingRefusals(plan: Plan | undefined, readUpTo: unknown): string[] {
  if (plan === undefined || plan.breaking.length === 0) return [];
  const { to } = plan;
  const tag = parseReference(to.name).tag ?? to.name;
  const read = typeof readUpTo === "string" ? readUpTo : undefined;
  const isNamed =
    read !== undefined &&
    (read === to.name ||
      read === tag ||
      (/^[0-9a-f]{7,40}$/.test(read) && to.commit.startsWith(read)));
  const unread = isNamed ? [] : unreadChanges(plan, read);
  if (unread.length === 0) return [];
  return [
    `${tag} has ${unread.length === 1 ? "a breaking change" : `${unread.length} breaking changes`} that ` +
      `${unread.length === 1 ? "was" : "were"} not read:\n${unread.map((change) => `  - ${change}`).join("\n")}\n` +
      "Nothing was changed. Read them, do what they ask for, then say so: " +
      `pulumi config set breakingChangesReadUpTo ${tag}`,
  ];
}

/** Entries of versions up to the one that was read count as read; a commit's text has no version. */
function unreadChanges({ breaking, changelog }: Plan, read: string | undefined): string[] {
  // Digits alone are a commit.
  const upTo = read === undefined || !/^v?\d+\./.test(read) ? null : semver.coerce(read);
  if (upTo === null) return breaking;
  const known = new Set(
    changelog
      .filter(({ version }) => {
        const found = semver.coerce(version);
        return found !== null && semver.lte(found, upTo);
      })
      .flatMap((entry) => entry.breaking),
  );
  return breaking.filter((change) => !known.has(change));
}
