import type { AppliedMigration, DatabaseIdentity } from "../protocol.ts";

/** What is in a database at one moment, to compare a copy of it with. */
export interface DatabaseContent {
  applied: AppliedMigration[];
  /** Number of rows of each table by `schema.table`. */
  rows: Record<string, number>;
}

/** A dump that was written to a file and flushed. */
export interface Dump {
  sha256: string;
  size: number;
  /** What the dump holds, counted in the very snapshot that it was made from. */
  content: DatabaseContent;
  /** `17.5`: what wrote it, which is the server's own program. */
  postgresVersion: string;
}

/** A database server that is to be made: of another major version, in a volume of its own. */
export interface NewDatabaseServer {
  imageId: string;
  /** Where the volume is mounted: the image has its data in there. */
  target: string;
  /** Variables that the new data directory is made by; none of them is secret. */
  environment: Readonly<Record<string, string>>;
  /** Docker's name of the volume. There must be none of that name. */
  volume: string;
  /** The job that makes it. */
  job: number;
}

/** What is in the new one. */
export interface MovedDatabase {
  identity: DatabaseIdentity;
  /** Of all tables. */
  rows: number;
}

/** What is done with the instance's database as a whole. Nothing here ever drops the live one. */
export interface DatabaseTools {
  /** Bytes on the disk. */
  size(): Promise<number>;
  /**
   * Dumps the live database into a new file of mode 0600.
   *
   * @param report is given the number of bytes so far, now and then
   */
  dump(file: string, report: (bytes: number) => void): Promise<Dump>;
  /**
   * Restores a dump into a throwaway database server of the same image, without a network, and compares
   * what comes out with what went in.
   *
   * @throws Error saying what differs, or that the file is not the one that was written
   */
  prove(file: string, dump: Dump, report: (text: string) => void): Promise<void>;
  /**
   * Does the same in a throwaway database server of another image: whether it starts, reads the dump, and
   * sorts text by the rules that the live database was made with. Another distribution below the same version
   * of PostgreSQL may not, and then indexes lead astray.
   *
   * @param image its id
   * @param options.makesDataAnew the live data will be restored by it as well, with new indexes: then by which
   *   rules it sorts does not matter
   */
  tryImage(
    image: string,
    file: string,
    dump: Dump,
    report: (text: string) => void,
    options?: { makesDataAnew?: boolean },
  ): Promise<void>;
  /** Ends a proof that was interrupted: removes its throwaway server, where there is one. */
  endProof(): Promise<void>;
  /** A digest of all definitions: what a migration without a transaction may change and not record. */
  schemaDigest(): Promise<string>;
  /**
   * Copies a database under another name, with the owner, settings and grants of the live one. No other
   * session may use it: those that do are ended.
   *
   * @param source the database that is copied; by default the live one
   */
  copyTo(name: string, source?: string): Promise<void>;
  /** Ends what {@link copyTo} goes on with where its job was killed; nobody can use the source meanwhile. */
  endCopying(): Promise<void>;
  /**
   * Restores a dump into a new database beside the live one, with its owner, settings and grants, and
   * compares what comes out with what went in.
   *
   * @throws Error as {@link prove} does; what was restored so far stays, for {@link dropCopy}
   */
  restoreTo(name: string, file: string, dump: Dump, report: (text: string) => void): Promise<void>;
  /**
   * Runs SQL on a database that is not the live one, in the order given, and takes migrations out of its
   * list: in one transaction, all of it or nothing.
   */
  undo(name: string, scripts: readonly string[], versions: readonly number[]): Promise<void>;
  /** What is in a database of the server. */
  contentOf(name: string): Promise<DatabaseContent>;
  /**
   * Makes a copy the live database by two renames in one transaction; the one that was live gets the
   * name `aside`. Does nothing where that has happened already.
   */
  putBack(copy: string, aside: string): Promise<void>;
  /**
   * Lets the live database take connections. It doesn't where {@link putBack} was killed between closing it and
   * the renames. Changes nothing elsewhere.
   */
  openLive(): Promise<void>;
  /**
   * Brings the live database, which nobody may use any more, to another major version: dumps it, makes a new
   * server in a volume of its own, restores the dump there with roles, passwords and settings, compares all of
   * it, and stops that server. The live one is only read.
   *
   * @param file for the dump; it must not be there, and stays
   */
  moveTo(
    server: NewDatabaseServer,
    file: string,
    report: (text: string) => void,
  ): Promise<MovedDatabase>;
  /** Removes the volume that a job made for {@link moveTo}, if there is one. No other is ever removed. */
  removeMoved(server: Pick<NewDatabaseServer, "volume" | "job">): Promise<void>;
  /** Databases of the server that {@link moveTo} would leave behind, without copies of the live one. */
  others(): Promise<string[]>;
  /** @throws Error naming the programs that use the live database besides the chat's server */
  refuseOtherUsers(): Promise<void>;
  /** Names of all databases of the server. */
  names(): Promise<string[]>;
  /** Those whose removal was interrupted: of no use, and not among {@link names}. */
  invalidNames(): Promise<string[]>;
  /** The live database's name, which the names of its copies begin with. */
  liveName(): Promise<string>;
  /** Drops a copy. Refuses the live database. */
  dropCopy(name: string): Promise<void>;
}
