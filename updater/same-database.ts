import type { DatabaseIdentity } from "./protocol.ts";

/** Whether two identities are of the same database of the same cluster: its content tells nothing. */
export function sameDatabase(a: DatabaseIdentity, b: DatabaseIdentity): boolean {
  return a.systemIdentifier === b.systemIdentifier && a.oid === b.oid;
}
