/** What is in a database, read the same way from the live one and from a copy of it. */
import type { AppliedMigration } from "../../../protocol.ts";
import type { DatabaseContent } from "../../database-tools.ts";
import { APPLIED } from "./database.ts";

/** Ordinary tables, quoted for statements. What belongs to an extension is not in a dump. */
const TABLES = `
SELECT coalesce(json_agg(format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname), '[]')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

const HAS_MIGRATIONS = "SELECT to_regclass('public._sqlx_migrations') IS NOT NULL";

/** @param ask runs one statement and gives its rows as text */
export async function readContent(ask: (sql: string) => Promise<string>): Promise<DatabaseContent> {
  const tables = JSON.parse(await ask(TABLES)) as string[];
  const counted = tables.length === 0 ? [] : (JSON.parse(await ask(countOf(tables))) as number[]);
  const hasMigrations = (await ask(HAS_MIGRATIONS)).trim() === "t";
  return {
    applied: hasMigrations ? (JSON.parse(await ask(APPLIED)) as AppliedMigration[]) : [],
    rows: Object.fromEntries(tables.map((table, index) => [table, counted[index] ?? 0])),
  };
}

/** One statement for all tables: the names are quoted by the server that gave them. */
function countOf(tables: readonly string[]): string {
  const counts = tables.map((table, index) => `SELECT ${index} AS i, count(*) AS n FROM ${table}`);
  return `SELECT json_agg(n ORDER BY i) FROM (${counts.join(" UNION ALL ")}) AS counts`;
}

/** How a copy differs from what it was made of, in words. Empty: not at all. */
export function differences(wanted: DatabaseContent, found: DatabaseContent): string[] {
  const names = new Set([...Object.keys(wanted.rows), ...Object.keys(found.rows)]);
  const rows = [...names].flatMap((name) => {
    const [before, after] = [wanted.rows[name], found.rows[name]];
    if (before === after) return [];
    if (after === undefined) return [`table ${name} is missing`];
    if (before === undefined) return [`table ${name} should not be there`];
    return [`table ${name} has ${after} rows, not ${before}`];
  });
  const key = ({ version, checksum }: AppliedMigration): string => `${version} ${checksum}`;
  const [before, after] = [wanted.applied.map(key).join(), found.applied.map(key).join()];
  return before === after ? rows : [...rows, "its list of applied migrations is another one"];
}
