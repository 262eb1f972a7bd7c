import type { DatabaseTools, Dump } from "../../database-tools.ts";
import {
  copyDatabase,
  databaseNames,
  dropDatabaseCopy,
  endCopying,
  invalidDatabases,
  openDatabase,
  putCopyBack,
  schemaDigest,
} from "./copies.ts";
import { dumpDatabase } from "./dump.ts";
import { contentOf, proveDump, removeProof, restoreBeside } from "./proof.ts";
import { type DatabaseContainer, query, theDatabase } from "./psql.ts";
import { refuseOtherRules } from "./sorting-rules.ts";
import { moveDatabase, otherDatabases, refuseSessions, removeNewVolume } from "./upgrade.ts";
import { containersOf, rawContainer } from "../docker.ts";
import { MAIN_SERVICE } from "../../../../release/compose-file.ts";
import { undoMigrations } from "./undo.ts";

const SIZE = "SELECT pg_database_size(current_database())";

/** The database of a Compose project, by the programs in its own container. */
export function databaseTools(project: string): DatabaseTools {
  let looking: Promise<DatabaseContainer> | undefined;
  /** Questions of the same moment look for the container once. */
  const live = (): Promise<DatabaseContainer> => {
    looking ??= theDatabase(project).finally(() => (looking = undefined));
    return looking;
  };
  return {
    size: async () => Number(await query(await live(), "measure the database", SIZE)),
    dump: async (file, report): Promise<Dump> => dumpDatabase(await live(), file, report),
    prove: async (file, dump, report) => proveDump(await live(), project, file, dump, report),
    tryImage: async (image, file, dump, report, { makesDataAnew = false } = {}) => {
      const database = await live();
      const inspect = (copy: DatabaseContainer): Promise<void> => refuseOtherRules(database, copy);
      const more = makesDataAnew ? {} : { inspect };
      await proveDump({ ...database, imageId: image }, project, file, dump, report, more);
    },
    endProof: async () => removeProof(project),
    schemaDigest: async () => schemaDigest(await live()),
    copyTo: async (name, source) => copyDatabase(await live(), name, source),
    endCopying: async () => endCopying(await live()),
    restoreTo: async (name, file, dump, report) =>
      restoreBeside(await live(), name, file, dump, report),
    undo: async (name, scripts, versions) => undoMigrations(await live(), name, scripts, versions),
    contentOf: async (name) => contentOf({ ...(await live()), database: name }),
    putBack: async (copy, aside) => putCopyBack(await live(), copy, aside),
    openLive: async () => openDatabase(await live()),
    moveTo: async (server, file, report) =>
      moveDatabase(await live(), project, file, server, report),
    removeMoved: async (server) => removeNewVolume(project, server),
    others: async () => otherDatabases(await live()),
    refuseOtherUsers: async () => refuseSessions(await live(), await addressesOf(project)),
    names: async () => databaseNames(await live()),
    invalidNames: async () => invalidDatabases(await live()),
    liveName: async () => (await live()).database,
    dropCopy: async (name) => dropDatabaseCopy(await live(), name),
  };
}

/** Those from which the server asks its database. */
async function addressesOf(project: string): Promise<string[]> {
  const [id] = await containersOf(project, MAIN_SERVICE);
  const networks = id === undefined ? {} : (await rawContainer(id))?.NetworkSettings.Networks;
  return Object.values(networks ?? {}).flatMap(({ IPAddress }) => IPAddress || []);
}
