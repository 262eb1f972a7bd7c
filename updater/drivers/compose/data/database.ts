/** Identity and migrations of the live database, and the wait for it. */
import { CommandError } from "../../../command.ts";
import type { AppliedMigration, DatabaseIdentity } from "../../../protocol.ts";
import { containersOf, docker } from "../docker.ts";
import { DATABASE_SERVICE } from "../../../../release/compose-file.ts";
import { findDatabase, query } from "./psql.ts";

/** One statement, so that identity and migrations are of the same moment. */
const FACTS = `
SELECT json_build_object(
  'systemIdentifier', (SELECT system_identifier::text FROM pg_control_system()),
  'oid', (SELECT oid::text FROM pg_database WHERE datname = current_database()),
  'hasMigrations', to_regclass('public._sqlx_migrations') IS NOT NULL,
  'hasUsers', to_regclass('public.users') IS NOT NULL)`;

/** The migrations of a database that has some, as JSON. */
export const APPLIED = `
SELECT coalesce(json_agg(json_build_object(
  'version', version, 'description', description, 'checksum', encode(checksum, 'hex'))
  ORDER BY version), '[]')
FROM _sqlx_migrations WHERE success`;

/** The first account to register becomes the owner, so one row is enough to know that there is one. */
const HAS_ACCOUNTS = "SELECT EXISTS (SELECT FROM public.users)";

export interface DatabaseFacts {
  identity: DatabaseIdentity;
  applied: AppliedMigration[];
  /** Whether anybody has registered. */
  hasAccounts: boolean;
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
 */
export async function waitForDatabase(
  project: string,
  timeout = DATABASE_START_TIMEOUT,
): Promise<void> {
  const begun = performance.now();
  for (;;) {
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
export async function readDatabase(project: string): Promise<DatabaseFacts | undefined> {
  const container = await findDatabase(project);
  if (container === undefined) return undefined;
  const ask = (sql: string) => query(container, "ask the database", sql);
  try {
    const facts = JSON.parse(await ask(FACTS)) as DatabaseIdentity & {
      hasMigrations: boolean;
      hasUsers: boolean;
    };
    const applied = facts.hasMigrations
      ? (JSON.parse(await ask(APPLIED)) as AppliedMigration[])
      : [];
    return {
      identity: { systemIdentifier: facts.systemIdentifier, oid: facts.oid },
      applied,
      hasAccounts: facts.hasUsers && (await ask(HAS_ACCOUNTS)).trim() === "t",
    };
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
