import { join } from "node:path";

/** Where the operator's side puts the archive of a tree, and the prepare job finds it. */
export function archivePath(incoming: string, sha256: string): string {
  return join(incoming, `${sha256}.tar`);
}
