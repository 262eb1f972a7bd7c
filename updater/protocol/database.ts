/** What is known of the database and of what can take its place. */
import type { DatabaseWay } from "./requests.ts";

/** A migration that the database has applied, read from `_sqlx_migrations`. */
export interface AppliedMigration {
  version: number;
  description: string;
  checksum: string;
}

/** The live database. */
export interface DatabaseFacts {
  identity: DatabaseIdentity;
  applied: AppliedMigration[];
  /** The major version of the PostgreSQL that answers. Absent in answers of an older version. */
  postgresMajor?: number;
  /** Whether anybody has registered. */
  hasAccounts?: boolean;
  /** Bytes on the disk, as a whole. Only in a look, as are those of the tables. */
  size?: number;
  /** Bytes of each table with its indexes, by its name without the usual schema. */
  tables?: Record<string, number>;
  /** The live one's name, and those of its copies. Only in a look. */
  name?: string;
  copies?: string[];
  /**
   * Why no copy of it can be made, in words with the commands that mend it; absent where nothing is in
   * the way.
   */
  obstacle?: string;
}

/** What tells one database from every other: an empty one passes every check but this. */
export interface DatabaseIdentity {
  systemIdentifier: string;
  oid: string;
}

/** A database that can take the live one's place. */
export interface KeptDatabase {
  /**
   * `revert-point`: a database beside the live one; `backup`: a dump that was restored to prove it;
   * `undo-scripts`: a copy of the live one, with migrations taken back.
   */
  way: DatabaseWay;
  /** The database's or the backup's name. */
  name: string;
  /** The job before which the database was so, or that took a backup of it by hand. */
  sequence: number;
  /** When it was so; nothing that came later is in it. For `undo-scripts`: when they were applied first. */
  at: string;
  applied: AppliedMigration[];
  /** Bytes of the database when a backup was taken of it. Absent for what is none. */
  size?: number;
}

/** What took the live database's place in a job. */
export interface Replacement {
  way: DatabaseWay;
  /** The database's or the backup's name. */
  name: string;
  /** Of which moment it is. */
  at: string;
  /** The name under which the database stays that was live until then. */
  left: string;
}
