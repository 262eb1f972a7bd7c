/** Which commit a folder has checked out, without git: servers need not have it. */
import { join } from "node:path";
import { readFileIfThere } from "../files.ts";

/** Undefined where the folder is no git repository, or one that is laid out in another way. */
export async function checkedOutCommit(folder: string): Promise<string | undefined> {
  const head = (await readFileIfThere(join(folder, ".git", "HEAD")))?.trim() ?? "";
  if (isCommit(head)) return head;
  const [, ref] = /^ref: (refs\/[\w./-]+)$/.exec(head) ?? [];
  if (ref === undefined || ref.split("/").includes("..")) return undefined;
  const loose = (await readFileIfThere(join(folder, ".git", ref)))?.trim() ?? "";
  if (isCommit(loose)) return loose;
  const packed = (await readFileIfThere(join(folder, ".git", "packed-refs"))) ?? "";
  const line = packed.split("\n").find((text) => text.endsWith(` ${ref}`));
  const commit = line?.split(" ")[0] ?? "";
  return isCommit(commit) ? commit : undefined;
}

function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}
