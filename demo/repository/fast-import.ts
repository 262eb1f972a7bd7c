import type { Tree } from "./release-plan.ts";

/** A commit whose files are known. */
export interface PlannedCommit {
  /** Unique in the stream, from 1. */
  mark: number;
  /** The mark of the parent; the first commit has none. */
  parent?: number;
  branch: string;
  tag?: string;
  /** A tag with an object of its own; else the tag is only a name. */
  isAnnotated: boolean;
  subject: string;
  tree: Tree;
}

/** Nobody in particular, and no clock: equal contents have equal commit ids on every machine. */
const AUTHOR = "Sample <sample@example.org>";
const FIRST_DAY = Date.UTC(2026, 0, 5, 12) / 1_000;

/** The input of `git fast-import` that makes the commits and their tags. */
export function fastImportStream(commits: readonly PlannedCommit[]): string {
  return commits.map(commitText).join("");
}

function commitText(commit: PlannedCommit): string {
  const when = `${AUTHOR} ${FIRST_DAY + commit.mark * 86_400} +0000`;
  const lines = [
    `commit refs/heads/${commit.branch}\nmark :${commit.mark}\n`,
    `author ${when}\ncommitter ${when}\n`,
    data(`${commit.subject}\n`),
    commit.parent === undefined ? "" : `from :${commit.parent}\n`,
    "deleteall\n",
    ...Object.entries(commit.tree)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, content]) => `M ${modeOf(path)} inline ${path}\n${data(content)}`),
    "\n",
  ];
  if (commit.tag !== undefined) {
    lines.push(
      commit.isAnnotated
        ? `tag ${commit.tag}\nfrom :${commit.mark}\ntagger ${when}\n${data(`${commit.tag}\n`)}`
        : `reset refs/tags/${commit.tag}\nfrom :${commit.mark}\n\n`,
    );
  }
  return lines.join("");
}

function modeOf(path: string): string {
  return path.endsWith(".sh") ? "100755" : "100644";
}

function data(content: string): string {
  return `data ${Buffer.byteLength(content)}\n${content}\n`;
}
