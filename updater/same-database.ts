import type { DatabaseIdentity } from "./protocol.ts";

/** A database as people compare it with another one. */
export function databaseName({ systemIdentifier, oid }: DatabaseIdentity): string {
  return `system ${systemIdentifier}, oid ${oid}`;
}

/** Why nothing is done to a database, with what tells it from the instance's own: often only the oid differs. */
export function otherDatabaseText(found: DatabaseIdentity, known: DatabaseIdentity): string {
  return (
    `the database is another one than this instance's: ${databaseName(found)}, not ` +
    `${databaseName(known)}. What to do: docs/recovery.md, "Restore the database"`
  );
}

/** Whether two identities are of the same database of the same cluster: its content tells nothing. */
export function sameDatabase(a: DatabaseIdentity, b: DatabaseIdentity): boolean {
  return a.systemIdentifier === b.systemIdentifier && a.oid === b.oid;
}
