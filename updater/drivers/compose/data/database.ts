/** Identity and migrations of the live database, and the wait for it. */
import { CommandError } from "../../../command.ts";
import type { AppliedMigration, DatabaseFacts, DatabaseIdentity } from "../../../protocol.ts";
import { containersOf, docker } from "../docker.ts";
import { DATABASE_SERVICE } from "../../../../release/compose-file.ts";
import { IS_INVALID } from "./copies.ts";
import { type DatabaseContainer, query } from "./psql.ts";

/** The migrations of a database that has some, as JSON. */
export const APPLIED = `
SELECT coalesce(json_agg(json_build_object(
  'version', version, 'description', description, 'checksum', encode(checksum, 'hex'))
  ORDER BY version), '[]')
FROM _sqlx_migrations WHERE success`;

/**
 * Two or three lines: the identity, the migrations, and whether there is an account; the first account to
 * register becomes the owner, so one row is enough. Tables that are not there yet can't be named in a
 * statement, so psql itself decides.
 *
 * The first two are of one moment. The third is missing while a migration holds the accounts' table: it
 * must not keep the gate from seeing which migrations are applied.
 */
const FACTS = `
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT to_regclass('public._sqlx_migrations') IS NOT NULL AS has_migrations,
  to_regclass('public.users') IS NOT NULL AS has_users \\gset
SELECT json_build_object(
  'systemIdentifier', (SELECT system_identifier::text FROM pg_control_system()),
  'oid', oid::text,
  'version', current_setting('server_version_num')::int,
  'rules', coalesce(datcollversion, ''),
  'actualRules', coalesce(pg_database_collation_actual_version(oid), ''))
FROM pg_database WHERE datname = current_database();
\\if :has_migrations
${APPLIED};
\\else
\\echo []
\\endif
COMMIT;
\\if :has_users
\\unset ON_ERROR_STOP
SET lock_timeout = '1s';
SELECT EXISTS (SELECT FROM public.users);
\\else
\\echo f
\\endif
`;

/**
 * Apart from {@link FACTS}: a table's size can't be read while a migration rewrites the table, and the gate
 * has to go on seeing which migrations are applied.
 */
const MEASURES = `
SET lock_timeout = '1s';
SELECT json_build_object(
  'size', pg_database_size(current_database()),
  'name', current_database(),
  'copies', (SELECT coalesce(json_agg(datname), '[]') FROM pg_database
    WHERE starts_with(datname, current_database() || '_') AND NOT ${IS_INVALID}),
  'tables', (SELECT coalesce(json_object_agg(c.oid::regclass::text, pg_total_relation_size(c.oid)), '{}')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')))`;

/** What the first line of {@link FACTS} says. */
interface Identity extends DatabaseIdentity {
  /** 170005 for 17.5. */
  version: number;
  /** The versions of the sorting rules that it was made with, and that it has now; or empty. */
  rules: string;
  actualRules: string;
}

/** A first start initialises the volume; a later one may have to recover after a crash. */
export const DATABASE_START_TIMEOUT = 120_000;

/**
 * Waits until the database takes connections from other containers.
 *
 * Its health check asks by the socket and passes while a new volume is still being initialised; the
 * server would connect by TCP, fail, and not be started again before it is committed.
 *
 * @param timeout in milliseconds
 * @param signal ends the waiting
 */
export async function waitForDatabase(
  project: string,
  timeout = DATABASE_START_TIMEOUT,
  signal?: AbortSignal,
): Promise<void> {
  const begun = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const [id] = await containersOf(project, DATABASE_SERVICE);
    try {
      if (id === undefined) throw new Error("start the database: its container is gone");
      await docker("ask whether the database takes connections", [
        ...["exec", id, "pg_isready", "--quiet", "--host=127.0.0.1"],
      ]);
      return;
    } catch (error) {
      if (performance.now() - begun > timeout) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

/** Undefined while there is no database that answers. */
export async function readDatabase(
  container: DatabaseContainer | undefined,
): Promise<DatabaseFacts | undefined> {
  if (container === undefined) return undefined;
  try {
    const lines = (await query(container, "ask the database", FACTS)).split("\n");
    const [identity = "", applied = "", hasAccounts] = lines.filter((line) => line.trim() !== "");
    const { systemIdentifier, oid, version, rules, actualRules } = JSON.parse(identity) as Identity;
    const obstacle = obstacleOf(container, rules, actualRules);
    return {
      identity: { systemIdentifier, oid },
      applied: JSON.parse(applied) as AppliedMigration[],
      postgresMajor: Math.floor(version / 10_000),
      ...(hasAccounts === undefined ? {} : { hasAccounts: hasAccounts.trim() === "t" }),
      ...(obstacle === undefined ? {} : { obstacle }),
    };
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** What only a look tells of a database. */
type Measures = Pick<DatabaseFacts, "size" | "tables" | "name" | "copies">;

/** Sizes of the database and its tables, and its copies; nothing where they can't be read now. */
export async function readMeasures(container: DatabaseContainer | undefined): Promise<Measures> {
  if (container === undefined) return {};
  try {
    return JSON.parse(await query(container, "measure the tables", MEASURES)) as Measures;
  } catch (error) {
    if (error instanceof CommandError) return {};
    throw error;
  }
}

/** A moved base image brings other sorting rules: then PostgreSQL copies no database (measured). */
function obstacleOf(
  { name, user, database }: DatabaseContainer,
  made: string,
  actual: string,
): string | undefined {
  if (made === actual || made === "" || actual === "") return undefined;
  const psql = `docker exec ${name} psql -U ${user} -d ${database} -c`;
  return (
    `its sorting rules are of version ${made}, the image's are ${actual}, so text may be sorted ` +
    `wrongly and no copy can be made. Rebuild its indexes, then note the version: ` +
    `${psql} 'REINDEX DATABASE "${database}"'; ` +
    `${psql} 'ALTER DATABASE "${database}" REFRESH COLLATION VERSION'`
  );
}
