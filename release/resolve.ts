import { UserError } from "../common/errors.ts";
import {
  commitsOf,
  pinOf,
  updateMirror,
  UPSTREAM_BRANCHES,
  UPSTREAM_TAGS,
  type Mirror,
} from "./mirror.ts";
import { parseReference, type ReleaseReference } from "./reference.ts";

/** A reference that stands for one commit. */
export interface ResolvedReference extends ReleaseReference {
  /** 40 hexadecimal digits. */
  commit: string;
  /** What the operator should know, although the release can be used. */
  warnings: string[];
}

/**
 * Finds the commit of a release. A tag stands for the commit that it named when it was seen first.
 *
 * Nothing is read from the repository where the commit is given in full and known already, so that
 * going back works without a network. Where the repository can't be read, but the mirror has the
 * commit, there is a warning instead of an error.
 *
 * @throws UserError where there is no such release, or its tag was moved
 */
export async function resolveReference(mirror: Mirror, text: string): Promise<ResolvedReference> {
  const reference = parseReference(text);
  const known = await knownCommit(mirror, reference);
  if (known !== undefined) return { ...reference, commit: known, warnings: [] };
  const warnings: string[] = [];
  let failure: UserError | undefined;
  try {
    await updateMirror(mirror);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    failure = error;
    warnings.push(`${error.message} The copy on this machine was used.`);
  }
  const commit = await findCommit(mirror, reference, failure, warnings);
  return { ...reference, commit, warnings };
}

/** Whether {@link resolveReference} needs no look at the repository. */
export async function isKnownLocally(mirror: Mirror, text: string): Promise<boolean> {
  return (await knownCommit(mirror, parseReference(text))) !== undefined;
}

/** The commit, if it needs no look at the repository to be sure of it. */
async function knownCommit(
  mirror: Mirror,
  { tag, commit }: ReleaseReference,
): Promise<string | undefined> {
  if (commit?.length !== 40) return undefined;
  const [known, pin] = await commitsOf(mirror, [
    commit,
    ...(tag === undefined ? [] : [pinOf(tag)]),
  ]);
  return tag === undefined || pin === commit ? known : undefined;
}

async function findCommit(
  mirror: Mirror,
  reference: ReleaseReference,
  failure: UserError | undefined,
  warnings: string[],
): Promise<string> {
  const { tag, commit, name } = reference;
  const wanted = commit === undefined ? undefined : (await commitsOf(mirror, [commit]))[0];
  if (commit !== undefined && wanted === undefined) {
    throw (
      failure ??
      new UserError(
        `Release ${name} can't be found: ${mirror.repository.url} has no single commit ${commit} in ` +
          "its branches and tags. Write the commit in full, or choose another one.",
      )
    );
  }
  if (tag === undefined && wanted !== undefined) return wanted;
  return await findTag(mirror, { name, tag: tag ?? name, wanted }, failure, warnings);
}

async function findTag(
  mirror: Mirror,
  { name, tag, wanted }: { name: string; tag: string; wanted: string | undefined },
  failure: UserError | undefined,
  warnings: string[],
): Promise<string> {
  const [upstream, pin, branch] = await commitsOf(mirror, [
    UPSTREAM_TAGS + tag,
    pinOf(tag),
    UPSTREAM_BRANCHES + tag,
  ]);
  if (pin === undefined && upstream === undefined) {
    throw failure ?? unknownTag(mirror, tag, branch);
  }
  if (wanted !== undefined) {
    if (wanted !== upstream && wanted !== pin) throw otherCommit(name, tag, upstream ?? pin);
    if (upstream === undefined) warnings.push(`The tag ${tag} was deleted in the repository.`);
    else if (wanted !== upstream) {
      warnings.push(`The tag ${tag} was moved to commit ${upstream}; ${name} stays what it was.`);
    }
    return wanted;
  }
  if (upstream === undefined || upstream !== pin) throw moved(tag, pin, upstream);
  return pin;
}

function unknownTag(mirror: Mirror, tag: string, branch: string | undefined): UserError {
  const repository = mirror.repository.url;
  if (branch === undefined) {
    return new UserError(
      `Release ${tag} can't be found: ${repository} has no such tag. ` +
        `List what there is with \`git ls-remote --tags ${repository}\`, or write a commit.`,
    );
  }
  return new UserError(
    `Release ${tag} can't be used: in ${repository} it is a branch, and a branch changes under ` +
      `the same name. Use a tag or a commit; the branch is at ${branch} now.`,
  );
}

function otherCommit(name: string, tag: string, commit: string | undefined): UserError {
  return new UserError(
    `Release ${name} can't be used: the tag ${tag} is commit ${commit ?? "none"}. ` +
      "Write the right commit after the @, or leave the tag away and write the commit only.",
  );
}

function moved(tag: string, pin: string | undefined, upstream: string | undefined): UserError {
  return new UserError(movedTagText(tag, pin, upstream, "first seen here"));
}

/**
 * Why a tag is not followed, with both ways out.
 *
 * @param known the commit that it was
 * @param upstream the commit that it is; undefined: there is no such tag any more
 * @param when it was the first of these
 */
export function movedTagText(
  tag: string,
  known: string | undefined,
  upstream: string | undefined,
  when: "first seen here" | "deployed",
): string {
  const now = upstream === undefined ? "was deleted since" : `is commit ${upstream} now`;
  const accept =
    upstream === undefined
      ? ""
      : ` To take the new one knowingly: pulumi config set release ${tag}@${upstream}`;
  return (
    `Release ${tag} can't be used: the tag was commit ${known ?? "none"} when it was ${when}, ` +
    `and ${now}. Find out why before you go on. To stay with the one ` +
    `${when === "deployed" ? "that was deployed" : "seen first"}: ` +
    `pulumi config set release ${tag}@${known ?? ""}${accept}`
  );
}
