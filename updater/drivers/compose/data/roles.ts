/** What a database server has besides its databases, and what a dump therefore has not: roles and their passwords. */

/**
 * Statements that make the roles of one server in another, whose first role has the same name, as a JSON array.
 * Those that PostgreSQL brings itself are left out. Passwords are in them as they are stored, as hashes.
 */
export const ROLES = `
WITH own AS (SELECT * FROM pg_authid WHERE rolname !~ '^pg_'),
settings AS (
  SELECT setrole, split_part(entry, '=', 1) AS name, substr(entry, strpos(entry, '=') + 1) AS value
  FROM pg_db_role_setting, unnest(setconfig) AS entry WHERE setdatabase = 0)
SELECT coalesce(json_agg(statement ORDER BY place, statement), '[]') FROM (
  SELECT 1 AS place, format('CREATE ROLE %I;', rolname) AS statement FROM own WHERE oid <> 10
  UNION ALL SELECT 2, format('ALTER ROLE %I WITH %s %s %s %s %s %s %s CONNECTION LIMIT %s PASSWORD %s%s;', rolname,
      CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
      CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
      CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
      CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
      CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
      CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
      CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END,
      rolconnlimit, quote_nullable(rolpassword),
      CASE WHEN rolvaliduntil IS NULL THEN '' ELSE format(' VALID UNTIL %L', rolvaliduntil) END) FROM own
  UNION ALL SELECT 3, format('GRANT %I TO %I%s;', role.rolname, member.rolname,
      CASE WHEN m.admin_option THEN ' WITH ADMIN OPTION' ELSE '' END)
    FROM pg_auth_members m JOIN pg_roles role ON role.oid = m.roleid JOIN own member ON member.oid = m.member
  UNION ALL SELECT 4, format('ALTER ROLE %s SET %I TO %s;',
      CASE setrole WHEN 0 THEN 'ALL' ELSE quote_ident(pg_get_userbyid(setrole)) END, name,
      CASE WHEN name IN ('search_path', 'temp_tablespaces', 'session_preload_libraries',
          'local_preload_libraries') AND value <> '' THEN value ELSE quote_literal(value) END)
    FROM settings
) AS statements(place, statement)`;

/** The name of the role that was made with the data directory. */
export const FIRST_ROLE = "SELECT rolname FROM pg_roles WHERE oid = 10";

/**
 * Settings by ALTER SYSTEM, by their names and values. What stands in the server's other files is not in the
 * database: the image writes them with a new data directory.
 */
export const SYSTEM_SETTINGS = `
SELECT coalesce(json_agg(format('ALTER SYSTEM SET %I TO %L;', name, setting) ORDER BY seqno), '[]')
FROM pg_file_settings WHERE sourcefile ~ '/postgresql\\.auto\\.conf$' AND applied AND error IS NULL`;

/** Who may connect from where, in words; the image writes these rules with a new data directory. */
export const ACCESS_RULES = `
SELECT coalesce(string_agg(concat_ws(' ', type, array_to_string(database, ','),
  array_to_string(user_name, ','), address, netmask, auth_method, array_to_string(options, ',')), E'\\n'
  ORDER BY line_number), '')
FROM pg_hba_file_rules WHERE error IS NULL`;
