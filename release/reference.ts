import { UserError } from "../common/errors.ts";
import { withoutControls } from "../common/text.ts";

/** Which release is wanted, as the operator names it. */
export interface ReleaseReference {
  /** As written: `v0.22.6`, `2d55427`, `v0.22.6@2d55427`. */
  name: string;
  tag?: string;
  /** 7 to 40 hexadecimal digits in lower case. */
  commit?: string;
}

const COMMIT = /^[0-9a-f]{7,40}$/i;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.+/-]*$/;
const MAXIMUM_TAG_LENGTH = 128;

/**
 * Reads the setting `release`: a tag, a commit, or both as `tag@commit`.
 *
 * What looks like a commit is taken for one: a tag of hexadecimal digits only, such as `20261123`,
 * must be written with its commit.
 *
 * @throws UserError for anything that isn't plainly one of these. The rules are stricter than
 *   git's, which accepts names that it later takes for options.
 */
export function parseReference(text: string): ReleaseReference {
  const reference = read(text);
  if (typeof reference !== "string") return reference;
  const shown = JSON.stringify(withoutControls(text.length > 80 ? `${text.slice(0, 80)}…` : text));
  throw new UserError(
    `"release" can't be ${shown}: ${reference}. ` +
      'Use a tag ("v0.22.6"), a commit ("2d55427"), or both ("v0.22.6@2d55427").',
  );
}

/** Why {@link parseReference} refuses a text; undefined where it doesn't. */
export function problemOfReference(text: string): string | undefined {
  const reference = read(text);
  return typeof reference === "string" ? reference : undefined;
}

/** The reference, or why there is none. */
function read(text: string): ReleaseReference | string {
  if (COMMIT.test(text)) return { name: text, commit: text.toLowerCase() };
  const at = text.lastIndexOf("@");
  const tag = at < 0 ? text : text.slice(0, at);
  const commit = at < 0 ? undefined : text.slice(at + 1);
  if (commit !== undefined && !COMMIT.test(commit)) {
    return "after the @ there must be 7 to 40 hexadecimal digits";
  }
  const problem = problemOf(tag);
  if (problem !== undefined) return problem;
  return { name: text, tag, ...(commit === undefined ? {} : { commit: commit.toLowerCase() }) };
}

/** A release as a setting that means this very commit: `tag@commit`, or the commit. */
export function pinned({ name, commit }: { name: string; commit: string }): string {
  const { tag } = parseReference(name);
  return tag === undefined ? commit : `${tag}@${commit}`;
}

/** The tag in a release's name; undefined where it has none, or is no name of this tool. */
export function tagOf(name: string): string | undefined {
  const reference = read(name);
  return typeof reference === "string" ? undefined : reference.tag;
}

/** Whether this tool can work with a tag of this name. */
export function isUsableTag(tag: string): boolean {
  return problemOf(tag) === undefined;
}

function problemOf(tag: string): string | undefined {
  if (tag === "") return "it is empty";
  if (tag.length > MAXIMUM_TAG_LENGTH) return `it is longer than ${MAXIMUM_TAG_LENGTH} characters`;
  if (tag.startsWith("refs/")) return "name the tag only, without refs/tags/";
  if (/^[A-Z_]*HEAD$/.test(tag)) return "it means another commit every time";
  if (!TAG.test(tag)) return "it has a character that names of releases don't have";
  if (tag.includes("..")) return "it has two dots in a row";
  // Git's own rules (git check-ref-format), and no part that could be taken for an option.
  if (tag.split("/").some((part) => /^$|^[.-]|\.$|\.lock$/.test(part))) {
    return "git doesn't allow such a name";
  }
  return undefined;
}
