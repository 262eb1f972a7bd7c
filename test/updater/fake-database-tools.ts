import { writeFile } from "node:fs/promises";
import type {
  DatabaseContent,
  DatabaseTools,
  Dump,
  MovedDatabase,
  NewDatabaseServer,
} from "../../updater/drivers/database-tools.ts";

/** A database whose copies are names in a list. */
export class FakeDatabaseTools implements DatabaseTools {
  databases = ["postgres", "chatalot"];
  /** Those whose removal was interrupted. */
  invalid: string[] = [];
  schema = "schema 1";
  bytes = 1_000;
  /** What proving a dump says; undefined: it is what was dumped. */
  lossOfDump: string | undefined;
  dumped: Dump = {
    sha256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    size: 11,
    content: { applied: [], rows: { "public.messages": 3 } },
    postgresVersion: "17.5",
  };

  /** What databases besides the usual hold, by name. */
  readonly contents = new Map<string, DatabaseContent>();

  constructor(private readonly calls: string[]) {}

  async size(): Promise<number> {
    return this.bytes;
  }
  async dump(file: string): Promise<Dump> {
    this.calls.push("dump");
    await writeFile(file, "hello world", { flag: "wx" });
    return this.dumped;
  }
  async prove(): Promise<void> {
    this.calls.push("prove");
    if (this.lossOfDump !== undefined) throw new Error(this.lossOfDump);
  }
  /** What trying an image says; undefined: it does all that is asked of it. */
  faultOfImage: string | undefined;
  async tryImage(
    image: string,
    _file: string,
    _dump: Dump,
    _report: (text: string) => void,
    { makesDataAnew = false }: { makesDataAnew?: boolean } = {},
  ): Promise<void> {
    this.calls.push(`tryImage ${image}${makesDataAnew ? " makes data anew" : ""}`);
    if (this.faultOfImage !== undefined) throw new Error(this.faultOfImage);
  }
  /** What bringing it to another version says; undefined: all is there. */
  faultOfMove: string | undefined;
  async moveTo({ volume }: NewDatabaseServer, file: string): Promise<MovedDatabase> {
    this.calls.push(`moveTo ${volume}`);
    await writeFile(file, "hello world", { flag: "wx" });
    if (this.faultOfMove !== undefined) throw new Error(this.faultOfMove);
    return { identity: { systemIdentifier: "7002", oid: "16385" }, rows: 3 };
  }
  async removeMoved({ volume }: Pick<NewDatabaseServer, "volume">): Promise<void> {
    this.calls.push(`removeMoved ${volume}`);
  }
  /** Databases of the server that are not the chat's. */
  foreign: string[] = [];
  async others(): Promise<string[]> {
    return this.foreign;
  }
  /** A program that uses the database. */
  otherUser: string | undefined;
  async refuseOtherUsers(): Promise<void> {
    if (this.otherUser !== undefined) throw new Error(`${this.otherUser} uses the database`);
  }
  async endProof(): Promise<void> {
    this.calls.push("endProof");
  }
  async schemaDigest(): Promise<string> {
    return this.schema;
  }
  async copyTo(name: string, source?: string): Promise<void> {
    this.calls.push(`copyTo ${name}${source === undefined ? "" : ` from ${source}`}`);
    this.databases.push(name);
  }
  /** Whether a job that was killed has left a copy that goes on. */
  isCopying = false;
  async endCopying(): Promise<void> {
    if (this.isCopying) this.calls.push("endCopying");
    if (this.faultOfEnd !== undefined) throw new Error(this.faultOfEnd);
    this.isCopying = false;
  }
  /** What ending a copy says; undefined: it is ended. */
  faultOfEnd: string | undefined;
  async restoreTo(name: string): Promise<void> {
    this.calls.push(`restoreTo ${name}`);
    this.databases.push(name);
    if (this.lossOfDump !== undefined) throw new Error(this.lossOfDump);
  }
  async undo(name: string, scripts: readonly string[], versions: readonly number[]): Promise<void> {
    this.calls.push(`undo ${versions.join()} in ${name}: ${scripts.join("; ")}`);
  }
  async contentOf(name: string): Promise<DatabaseContent> {
    return this.contents.get(name) ?? this.dumped.content;
  }
  async putBack(copy: string, aside: string): Promise<void> {
    this.calls.push(`putBack ${copy}`);
    if (this.databases.includes(aside)) return;
    this.databases = this.databases.map((name) => (name === copy ? aside : name));
  }
  /** What lets the database answer again, where it was closed. */
  whenOpened: (() => void) | undefined;
  async openLive(): Promise<void> {
    this.calls.push("openLive");
    this.whenOpened?.();
  }
  async invalidNames(): Promise<string[]> {
    return this.invalid;
  }
  async names(): Promise<string[]> {
    return this.databases;
  }
  async liveName(): Promise<string> {
    return "chatalot";
  }
  async dropCopy(name: string): Promise<void> {
    this.calls.push(`dropCopy ${name}`);
    this.databases = this.databases.filter((entry) => entry !== name);
    this.invalid = this.invalid.filter((entry) => entry !== name);
  }
}
