import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { PoolClient } from "pg";
import { log } from "./log.ts";
import type { Migration } from "./release.ts";

const TABLE = `
CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL,
    checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL
)`;

/**
 * Brings the database to the migrations that were built in, with the bookkeeping of sqlx: one
 * migrator at a time, each migration in a transaction of its own together with its row, and a
 * refusal when the database knows a migration that this build does not, or knows it differently.
 */
export async function migrate(client: PoolClient, migrations: readonly Migration[]): Promise<void> {
  const lock = await lockKey(client);
  await client.query("SELECT pg_advisory_lock($1)", [lock]);
  try {
    await client.query(TABLE);
    const applied = await readApplied(client);
    refuseMissing(applied, migrations);
    for (const migration of migrations) {
      const checksum = applied.get(migration.version);
      if (checksum === undefined) await apply(client, migration);
      else if (!checksum.equals(checksumOf(migration))) {
        throw new Error(
          `migration ${migration.version} was previously applied but has been modified`,
        );
      }
    }
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [lock]).catch(() => undefined);
  }
}

/** The key that sqlx derives from the database's name. */
async function lockKey(client: PoolClient): Promise<string> {
  const found = await client.query<{ name: string }>("SELECT current_database() AS name");
  return (0x3d32ad9en * BigInt(crc32(found.rows[0]?.name ?? ""))).toString();
}

async function readApplied(client: PoolClient): Promise<Map<number, Buffer>> {
  const found = await client.query<{ version: string; checksum: Buffer; success: boolean }>(
    "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version",
  );
  const dirty = found.rows.find((row) => !row.success);
  if (dirty !== undefined) {
    throw new Error(
      `migration ${dirty.version} is partially applied; fix and remove row from ` +
        "`_sqlx_migrations` table",
    );
  }
  return new Map(found.rows.map((row) => [Number(row.version), row.checksum]));
}

function refuseMissing(applied: Map<number, Buffer>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.version));
  for (const version of applied.keys()) {
    if (!known.has(version)) {
      throw new Error(
        `migration ${version} was previously applied but is missing in the resolved migrations`,
      );
    }
  }
}

async function apply(client: PoolClient, migration: Migration): Promise<void> {
  const started = process.hrtime.bigint();
  const inTransaction = !migration.sql.startsWith("-- no-transaction");
  log("INFO", `applying migration ${migration.version} ${migration.description}`);
  if (inTransaction) await client.query("BEGIN");
  try {
    await client.query(migration.sql);
    await client.query(
      "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)" +
        " VALUES ($1, $2, TRUE, $3, -1)",
      [migration.version, migration.description, checksumOf(migration)],
    );
    if (inTransaction) await client.query("COMMIT");
  } catch (error) {
    if (inTransaction) await client.query("ROLLBACK").catch(() => undefined);
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`while executing migration ${migration.version}: ${cause}`, { cause: error });
  }
  await client.query("UPDATE _sqlx_migrations SET execution_time = $2 WHERE version = $1", [
    migration.version,
    (process.hrtime.bigint() - started).toString(),
  ]);
}

function checksumOf(migration: Migration): Buffer {
  return createHash("sha384").update(migration.sql).digest();
}
