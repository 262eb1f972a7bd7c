/** A repository with the history of a lively project: what a preview has to read grows with it. */
import { execa } from "execa";
import type { SampleRepository } from "../demo/repository/index.ts";

export const COMMITS = 5_000;
export const MIGRATIONS = 500;

/** The newest release of it, made from v1.0.1 of the sample. */
export const LARGE_RELEASE = "v1.9.0";

const FIRST_MIGRATION = 100;
const BEGAN = 1_767_225_600;

/** Makes it in an empty folder, from the sample's releases and many commits more. */
export async function makeLargeRepository(folder: string, sample: SampleRepository): Promise<void> {
  const git = (argv: string[], input = ""): Promise<unknown> =>
    execa("git", ["-C", folder, ...argv], { input, timeout: 120_000 });
  await execa("git", ["clone", "--quiet", "--", sample.directory, folder], { timeout: 120_000 });
  await git(["fast-import", "--quiet"], stream(sample.tags["v1.0.1"] ?? ""));
  await git(["tag", LARGE_RELEASE, "refs/heads/large"]);
}

function stream(from: string): string {
  const parts: string[] = [];
  for (let commit = 1; commit <= COMMITS; commit += 1) {
    const message = `Change ${commit} of many`;
    const who = `Somebody <somebody@example.org> ${BEGAN + commit * 600} +0000`;
    parts.push(`commit refs/heads/large\ncommitter ${who}\n${data(message)}`);
    if (commit === 1) parts.push(`from ${from}\n`);
    parts.push(file(`notes/${commit % 50}.md`, `${message}\n`));
    if (commit % (COMMITS / MIGRATIONS) === 0)
      parts.push(...migration(FIRST_MIGRATION + commit / (COMMITS / MIGRATIONS)));
    parts.push("\n");
  }
  return parts.join("");
}

/** Half of them make tables, half change one that is there. */
function migration(version: number): string[] {
  const sql =
    version % 2 === 0
      ? `CREATE TABLE table_${version} (id bigint PRIMARY KEY, text text NOT NULL);\n`
      : `ALTER TABLE messages ADD COLUMN column_${version} text;\n`;
  return [file(`migrations/${version}_step_${version}.sql`, sql)];
}

function file(path: string, content: string): string {
  return `M 100644 inline ${path}\n${data(content)}`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
