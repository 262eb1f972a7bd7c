/** J7 and R2: a copy of the live database under another name, and the way back to it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type DatabaseContainer, MAINTENANCE_DATABASE, query } from "./psql.ts";

/** Copying 862 MB takes 6 s (measured); this is for a hundred times that on a slow disk. */
const COPY_TIMEOUT = 60 * 60_000;

const END_SESSIONS = `
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = :'name' AND pid <> pg_backend_pid()`;

/** The name of the sessions that copy a database, by which they are found. */
const COPYING = "chatalot-deploy copies a database";

/** FILE_COPY is quicker than the default for all but tiny databases, and writes no WAL. */
const COPY = `
SET application_name = '${COPYING}';
CREATE DATABASE :"copy" TEMPLATE :"source" STRATEGY FILE_COPY`;

const END_COPYING = `
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = '${COPYING}' AND pid <> pg_backend_pid()`;

/** PostgreSQL removes what was copied so far before the session is gone. */
const END_TIMEOUT = 60_000;

/** Of the template that nobody changes; with the live one's encoding and sorting, as far as all versions have them. */
const EMPTY = `
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',
  :'copy', pg_encoding_to_char(encoding), datcollate, datctype)
FROM pg_database WHERE datname = :'live'`;

/**
 * What CREATE DATABASE leaves behind: owner, limit, settings and grants, as statements. A setting that
 * is a list is stored with its items quoted already (as pg_dumpall knows it).
 */
export const PROPERTIES = `
WITH d AS (SELECT * FROM pg_database WHERE datname = :'live'),
settings AS (
  SELECT setrole, split_part(entry, '=', 1) AS name, substr(entry, strpos(entry, '=') + 1) AS value
  FROM pg_db_role_setting s JOIN d ON s.setdatabase = d.oid, unnest(s.setconfig) AS entry),
grants AS (SELECT (aclexplode(datacl)).* FROM d WHERE datacl IS NOT NULL)
SELECT coalesce(string_agg(statement, E'\\n' ORDER BY place), '') FROM (
  SELECT 1 AS place, format('ALTER DATABASE %I OWNER TO %I;', :'copy', pg_get_userbyid(datdba)) FROM d
  UNION ALL SELECT 2, format('ALTER DATABASE %I CONNECTION LIMIT %s;', :'copy', datconnlimit) FROM d
  UNION ALL SELECT 3, format('REVOKE ALL ON DATABASE %I FROM PUBLIC;', :'copy') FROM d
    WHERE datacl IS NOT NULL
  UNION ALL SELECT 4, format('GRANT %s ON DATABASE %I TO %s%s;', privilege_type, :'copy',
      CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
      CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) FROM grants
  UNION ALL SELECT 5, format('ALTER %s%I SET %I TO %s;',
      CASE setrole WHEN 0 THEN 'DATABASE '
        ELSE format('ROLE %I IN DATABASE ', pg_get_userbyid(setrole)) END, :'copy', name,
      CASE WHEN name IN ('search_path', 'temp_tablespaces', 'session_preload_libraries',
          'local_preload_libraries') AND value <> '' THEN value ELSE quote_literal(value) END)
    FROM settings
) AS statements(place, statement)`;

const RENAME = `
BEGIN;
ALTER DATABASE :"live" RENAME TO :"aside";
ALTER DATABASE :"copy" RENAME TO :"live";
COMMIT;`;

/** Definitions of everything that a migration may change, in an order of their own. */
const SCHEMA_DIGEST = `
WITH own AS (SELECT oid, nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
SELECT md5(coalesce(string_agg(definition, E'\\n' ORDER BY definition), '')) FROM (
  SELECT format('relation %I.%I %s', nspname, relname, relkind) FROM pg_class JOIN own ON own.oid = relnamespace
  UNION ALL SELECT format('column %I.%I.%I %s %s %s', nspname, relname, attname,
      format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN own ON own.oid = relnamespace
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
  UNION ALL SELECT format('constraint %I.%I %s', nspname, conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN own ON own.oid = connamespace
  UNION ALL SELECT format('index %s %s', pg_get_indexdef(indexrelid), indisvalid)
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN own ON own.oid = relnamespace
  UNION ALL SELECT format('enum %I.%I %s %s', nspname, typname, enumsortorder, enumlabel)
    FROM pg_enum JOIN pg_type t ON t.oid = enumtypid JOIN own ON own.oid = typnamespace
  UNION ALL SELECT format('function %I.%s', nspname, pg_get_functiondef(p.oid))
    FROM pg_proc p JOIN own ON own.oid = pronamespace WHERE prokind IN ('f', 'p')
  UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN own ON own.oid = relnamespace
    WHERE NOT tgisinternal
  UNION ALL SELECT format('view %I.%I %s', nspname, relname, pg_get_viewdef(c.oid))
    FROM pg_class c JOIN own ON own.oid = relnamespace WHERE relkind IN ('v', 'm')
) AS definitions(definition)`;

export async function schemaDigest(live: DatabaseContainer): Promise<string> {
  return (await query(live, "read the schema", SCHEMA_DIGEST, { timeout: 120_000 })).trim();
}

/**
 * A removal that was interrupted leaves a database without some of its files, which nothing can be done
 * with but remove it. PostgreSQL marks it by this limit, in all its releases since August 2023.
 */
export const IS_INVALID = "datconnlimit = -2";

/** The databases that can be used. */
export function databaseNames(live: DatabaseContainer): Promise<string[]> {
  return namesWhere(live, `NOT ${IS_INVALID}`);
}

/** The databases whose removal was interrupted. */
export function invalidDatabases(live: DatabaseContainer): Promise<string[]> {
  return namesWhere(live, IS_INVALID);
}

async function namesWhere(live: DatabaseContainer, condition: string): Promise<string[]> {
  const json = await query(
    live,
    "list the databases",
    `SELECT coalesce(json_agg(datname), '[]') FROM pg_database WHERE ${condition}`,
    { database: MAINTENANCE_DATABASE },
  );
  return JSON.parse(json) as string[];
}

export async function copyDatabase(
  live: DatabaseContainer,
  copy: string,
  source = live.database,
): Promise<void> {
  const run = runFor(live, { name: source, source, live: live.database, copy });
  await run("end other sessions of the database", END_SESSIONS);
  await run("copy the database", COPY, COPY_TIMEOUT);
  await run("copy the database's settings", await run("read the settings", PROPERTIES));
}

/**
 * Ends the copying of a job that was killed: its session goes on in the database's container, and until it is
 * done nobody can connect to the database that it copies. What it made so far is gone with it.
 */
export async function endCopying(
  live: DatabaseContainer,
  pause: (milliseconds: number) => Promise<unknown> = sleep,
): Promise<void> {
  const run = runFor(live, {});
  const interval = 500;
  for (let left = END_TIMEOUT; ; left -= interval) {
    const found = Number(await run("end a copy of the database", END_COPYING));
    if (found === 0) return;
    if (left <= 0) throw new Error("a copy of the database goes on, though it was told to end");
    await pause(interval);
  }
}

/** A new database without anything in it, otherwise as the live one. */
export async function makeEmptyDatabase(live: DatabaseContainer, copy: string): Promise<void> {
  const run = runFor(live, { live: live.database, copy });
  await run("make a database", await run("read the live one's encoding", EMPTY));
  await run("copy the database's settings", await run("read the settings", PROPERTIES));
}

function runFor(live: DatabaseContainer, variables: Record<string, string>) {
  return (label: string, sql: string, timeout = 60_000): Promise<string> =>
    query(live, label, sql, { database: MAINTENANCE_DATABASE, timeout, variables });
}

export async function putCopyBack(
  live: DatabaseContainer,
  copy: string,
  aside: string,
): Promise<void> {
  const variables = { live: live.database, copy, aside };
  const run = (label: string, sql: string, more: Record<string, string> = {}): Promise<string> =>
    query(live, label, sql, {
      database: MAINTENANCE_DATABASE,
      timeout: 60_000,
      variables: { ...variables, ...more },
    });
  const names = await databaseNames(live);
  if (!names.includes(aside)) {
    if (!names.includes(copy)) throw new Error(`the revert point ${copy} is not there`);
    // A client that connects again and again would keep it from being renamed.
    await run("close the database", `ALTER DATABASE :"live" ALLOW_CONNECTIONS false`);
    try {
      for (const name of [live.database, copy])
        await run("end other sessions of the database", END_SESSIONS, { name });
      await run("put the database back", RENAME);
    } catch (error) {
      await openDatabase(live);
      throw error;
    }
  }
  // The one that was live stays as it is, for whoever wants to look at what went wrong.
  await run(
    "open both databases",
    `
    ALTER DATABASE :"live" ALLOW_CONNECTIONS true;
    ALTER DATABASE :"aside" ALLOW_CONNECTIONS true;`,
  );
}

/** Not even a superuser may connect to a database that is closed: this goes by another one. */
export async function openDatabase(live: DatabaseContainer): Promise<void> {
  await runFor(live, { live: live.database })(
    "open the database",
    `ALTER DATABASE :"live" ALLOW_CONNECTIONS true`,
  );
}

export async function dropDatabaseCopy(live: DatabaseContainer, name: string): Promise<void> {
  if (name === live.database) throw new Error("drop a copy: this is the live database");
  await query(live, "drop a copy of the database", `DROP DATABASE IF EXISTS :"copy" WITH (FORCE)`, {
    database: MAINTENANCE_DATABASE,
    timeout: 5 * 60_000,
    variables: { copy: name },
  });
}
