import { UserError } from "../common/errors.ts";

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
  if (COMMIT.test(text)) return { name: text, commit: text.toLowerCase() };
  const at = text.lastIndexOf("@");
  if (at < 0) return { name: text, tag: checkTag(text, text) };
  const commit = text.slice(at + 1);
  if (!COMMIT.test(commit)) throw refused(text, "after the @ there must be 7 to 40 hex digits");
  return { name: text, tag: checkTag(text.slice(0, at), text), commit: commit.toLowerCase() };
}

/** Whether this tool can work with a tag of this name. */
export function isUsableTag(tag: string): boolean {
  return problemOf(tag) === undefined;
}

function checkTag(tag: string, text: string): string {
  const problem = problemOf(tag);
  if (problem !== undefined) throw refused(text, problem);
  return tag;
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

function refused(text: string, problem: string): UserError {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new UserError(
    `"release" can't be ${shown}: ${problem}. ` +
      'Use a tag ("v0.22.6"), a commit ("2d55427"), or both ("v0.22.6@2d55427").',
  );
}
