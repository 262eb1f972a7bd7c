import type { DatabaseTools, Dump } from "../../database-tools.ts";
import {
  copyDatabase,
  databaseNames,
  dropDatabaseCopy,
  putCopyBack,
  schemaDigest,
} from "./copies.ts";
import { dumpDatabase } from "./dump.ts";
import { contentOf, proveDump, restoreBeside } from "./proof.ts";
import { query, theDatabase } from "./psql.ts";
import { undoMigrations } from "./undo.ts";

const SIZE = "SELECT pg_database_size(current_database())";

/** Empty where the versions agree, or the database's rules have none. */
const COLLATION = `
SELECT coalesce(datcollversion, '') || '|' || coalesce(pg_database_collation_actual_version(oid), '')
FROM pg_database WHERE datname = current_database()`;

/** The database of a Compose project, by the programs in its own container. */
export function databaseTools(project: string): DatabaseTools {
  const live = () => theDatabase(project);
  return {
    size: async () => Number(await query(await live(), "measure the database", SIZE)),
    obstacle: async () => {
      const database = await live();
      const [made = "", actual = ""] = (
        await query(database, "compare the sorting rules", COLLATION)
      )
        .trim()
        .split("|");
      if (made === actual || made === "" || actual === "") return undefined;
      const psql = `docker exec ${DATABASE_NAME} psql -U ${database.user} -d ${database.database} -c`;
      return (
        `its sorting rules are of version ${made}, the image's are ${actual}, so text may be sorted ` +
        `wrongly and no copy can be made. Rebuild its indexes, then note the version: ` +
        `${psql} 'REINDEX DATABASE "${database.database}"'; ` +
        `${psql} 'ALTER DATABASE "${database.database}" REFRESH COLLATION VERSION'`
      );
    },
    dump: async (file, report): Promise<Dump> => dumpDatabase(await live(), file, report),
    prove: async (file, dump, report) => proveDump(await live(), project, file, dump, report),
    schemaDigest: async () => schemaDigest(await live()),
    copyTo: async (name, source) => copyDatabase(await live(), name, source),
    restoreTo: async (name, file, dump, report) =>
      restoreBeside(await live(), name, file, dump, report),
    undo: async (name, scripts, versions) => undoMigrations(await live(), name, scripts, versions),
    contentOf: async (name) => contentOf({ ...(await live()), database: name }),
    putBack: async (copy, aside) => putCopyBack(await live(), copy, aside),
    names: async () => databaseNames(await live()),
    liveName: async () => (await live()).database,
    dropCopy: async (name) => dropDatabaseCopy(await live(), name),
  };
}

/** The container's name as upstream's compose file fixes it, for commands that are shown. */
const DATABASE_NAME = "chatalot-db";
