/** The files of one commit: path → content. */
export type Tree = Readonly<Record<string, string>>;

/** What a deployment of the release must come to, on a server that runs the release it is made from. */
export type Expected =
  /** It serves. */
  | "serves"
  /** The image cannot be built: nothing is touched. */
  | "does not build"
  /** It is known before anything is touched that it cannot work. */
  | "is refused"
  /** It is tried, found not to work, and the release before it serves again. */
  | "is reverted";

/** One commit of the sample repository. */
export interface ReleasePlan {
  /** Its tag; a commit without one is only found on the branch. */
  tag?: string;
  /** The tag that it is made from. Only the first has none. */
  from?: string;
  /** The commit's message. */
  subject: string;
  expected: Expected;
  /** The commit's files, given the files of the commit it is made from. */
  change(tree: Tree): Tree;
}

/** The tree with some files added or replaced. */
export function withFiles(tree: Tree, files: Tree): Tree {
  return { ...tree, ...files };
}

/** The tree without one file, which must be in it. */
export function withoutFile(tree: Tree, path: string): Tree {
  contentOf(tree, path);
  return Object.fromEntries(Object.entries(tree).filter(([name]) => name !== path));
}

/** The tree with a text in one file replaced; the text must be there. */
export function withText(tree: Tree, path: string, before: string, after: string): Tree {
  const content = contentOf(tree, path);
  if (!content.includes(before)) throw new Error(`${path} does not contain ${before}`);
  return { ...tree, [path]: content.replace(before, after) };
}

/** The tree with another version of the web client, which every release has. */
export function withWebVersion(tree: Tree, version: string): Tree {
  return withFiles(tree, {
    "clients/web/static/version.json": `${JSON.stringify({ version })}\n`,
  });
}

/** The tree with a new entry at the changelog's top. */
export function withChangelog(tree: Tree, version: string, lines: readonly string[]): Tree {
  const path = "docs/appendix/changelog.md";
  const before = tree[path] ?? "# Changelog\n";
  const entry = `# Changelog\n\n## v${version}\n\n${lines.join("\n")}\n`;
  return withFiles(tree, { [path]: before.replace("# Changelog\n", entry) });
}

function contentOf(tree: Tree, path: string): string {
  const content = tree[path];
  if (content === undefined) throw new Error(`the tree has no ${path}`);
  return content;
}
