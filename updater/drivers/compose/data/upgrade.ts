/**
 * The way to another major version of PostgreSQL: a new server of the newer image makes its data directory in a
 * volume of its own, gets what the old one has, and is compared with it. The old one is only read.
 */
import { randomBytes } from "node:crypto";
import { describeBytes } from "../../../../common/size.ts";
import { differences } from "./content.ts";
import { PROPERTIES } from "./copies.ts";
import { dumpDatabase } from "./dump.ts";
import { readDatabase } from "./database.ts";
import { contentOf, restoreDump, waitUntilItAnswers } from "./proof.ts";
import { type DatabaseContainer, MAINTENANCE_DATABASE, query } from "./psql.ts";
import { ACCESS_RULES, FIRST_ROLE, ROLES, SYSTEM_SETTINGS } from "./roles.ts";
import type { MovedDatabase, NewDatabaseServer } from "../../database-tools.ts";
import { docker, volumeMountpoint } from "../docker.ts";

/** Labels of the volume, and of the server that fills it. */
const JOB_LABEL = "chatalot-deploy.upgrade";

/** An ordinary statement; the first ones wait for a disk that is being flushed. */
const TIMEOUT = 5 * 60_000;

/** Every table is read once. */
const ANALYZE_TIMEOUT = 60 * 60_000;

/** A shutdown writes everything to the disk that is in memory. */
const STOP_SECONDS = 300;

/** Loses nothing once the server has ended well, and nothing is kept of it otherwise. */
const FILLING = ["synchronous_commit=off", "autovacuum=off"];

/** A new database with the encoding and the sorting of the live one, by every provider that there is. */
const CREATE = `
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LOCALE_PROVIDER %s LC_COLLATE %L LC_CTYPE %L%s',
  datname, pg_encoding_to_char(encoding),
  CASE provider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, datcollate, datctype,
  CASE provider WHEN 'i' THEN format(' ICU_LOCALE %L', locale)
    WHEN 'b' THEN format(' BUILTIN_LOCALE %L', locale) ELSE '' END)
FROM pg_database d, LATERAL (SELECT to_jsonb(d) AS facts) AS f,
  LATERAL (SELECT coalesce(facts ->> 'datlocprovider', 'c') AS provider,
    coalesce(facts ->> 'datlocale', facts ->> 'daticulocale') AS locale) AS g
WHERE datname = current_database()`;

/** Rows that anybody wrote since the server's figures were begun; a restart does not set them back. */
const WRITES = `
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables`;

/** Of other programs than ours and, while it serves, the chat; they are shown by name. */
const OTHER_SESSIONS = `
SELECT coalesce(string_agg(DISTINCT coalesce(nullif(application_name, ''), usename::text), ', '), '')
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND backend_type = 'client backend'
  AND (client_addr IS NULL OR client_addr <> ALL (string_to_array(:'own', ',')::inet[]))`;

/** The name of the container that fills the new volume. */
export function upgradeContainer(project: string): string {
  return `chatalot-deploy-upgrade-${project}`;
}

/**
 * Dumps the live database, whose users have to be away, into a file, and brings it and all that a dump does not
 * have into a new volume. The file is left for the caller to remove.
 *
 * @throws Error where anything is not as in the old one; {@link removeNewVolume} takes it away then
 */
export async function moveDatabase(
  live: DatabaseContainer,
  project: string,
  file: string,
  server: NewDatabaseServer,
  report: (text: string) => void,
): Promise<MovedDatabase> {
  await refuseSessions(live);
  const writes = await query(live, "ask who writes", WRITES);
  await makeVolume(server);
  const first = await query(live, "ask for the first role", FIRST_ROLE);
  const fresh = await startNew(live, project, server, first);
  report("dumping the database that nobody uses any more");
  const dump = await dumpDatabase(live, file, (bytes) => report(`${describeBytes(bytes)} so far`));
  const roles = await statementsOf(live, "read the roles", ROLES);
  await run(fresh, "make the roles", roles, MAINTENANCE_DATABASE);
  await run(
    fresh,
    "make the database",
    [await query(live, "read its encoding", CREATE)],
    MAINTENANCE_DATABASE,
  );
  const properties = await propertiesOf(live);
  await run(fresh, "set what the database has set", [properties], MAINTENANCE_DATABASE);
  report("restoring it into the new version");
  await restoreDump(fresh, file, dump);
  report("comparing what came out with what went in");
  await refuseDifferences(live, fresh, dump.content, { roles, properties });
  // A dump has no statistics, and without them the first questions would be answered slowly.
  report("reading every table for the planner");
  await query(fresh, "read the tables for the planner", "ANALYZE", { timeout: ANALYZE_TIMEOUT });
  const kept = await statementsOf(live, "read the server's settings", SYSTEM_SETTINGS);
  await run(fresh, "set what the server has set", kept, MAINTENANCE_DATABASE);
  const found = await readDatabase(fresh);
  if (found === undefined) throw new Error("the new database does not answer");
  await refuseSessions(live);
  if ((await query(live, "ask who wrote", WRITES)) !== writes)
    throw new Error(
      "somebody wrote to the database while the chat was stopped, which the new one would not have. End that " +
        "program, then try again",
    );
  await endNew(project);
  return { identity: found.identity, rows: rowsIn(dump.content.rows) };
}

function rowsIn(rows: Readonly<Record<string, number>>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}

/** The stopped server's own sessions end a moment after it, and ours of a look at it as well. */
const LAST_SESSIONS = 10_000;

/**
 * Refuses a database that somebody else uses.
 *
 * @param own addresses from which the chat uses it
 */
export async function refuseSessions(
  live: DatabaseContainer,
  own: readonly string[] = [],
): Promise<void> {
  const begun = performance.now();
  const variables = { own: own.join(",") };
  let others: string;
  do {
    others = await query(live, "ask who uses the database", OTHER_SESSIONS, { variables });
    if (others === "") return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  } while (performance.now() - begun < LAST_SESSIONS);
  throw new Error(
    `another program still uses the database: ${others}. What it writes now would be lost: end it, then try again`,
  );
}

/** Names of databases that would stay behind, because no copy of this tool's is one. */
export async function otherDatabases(live: DatabaseContainer): Promise<string[]> {
  const json = await query(
    live,
    "list the databases",
    `SELECT coalesce(json_agg(datname), '[]') FROM pg_database
     WHERE NOT datistemplate AND datname NOT IN (:'live', 'postgres')
       AND datname !~ ('^' || regexp_replace(:'live', '([^A-Za-z0-9_])', '\\\\\\1', 'g')
         || '_(before|failed|left|next)_[0-9]+$')`,
    { database: MAINTENANCE_DATABASE, variables: { live: live.database } },
  );
  return JSON.parse(json) as string[];
}

async function makeVolume({ volume, job }: NewDatabaseServer): Promise<void> {
  if ((await volumeMountpoint(volume)) !== undefined)
    throw new Error(`there is a volume ${volume} already, which this job did not make`);
  await docker("make a volume", ["volume", "create", "--label", `${JOB_LABEL}=${job}`, volume]);
}

/**
 * Whoever made it, only a volume with the job's own label goes: everything in it came from the old one, which
 * is as it was.
 */
export async function removeNewVolume(
  project: string,
  { volume, job }: Pick<NewDatabaseServer, "volume" | "job">,
): Promise<void> {
  await removeNew(project);
  const made = await docker("look for the new volume", [
    ...["volume", "ls", "--quiet", "--filter", `label=${JOB_LABEL}=${job}`],
  ]);
  if (made.split("\n").includes(volume))
    await docker("remove the new volume", ["volume", "rm", volume]);
}

async function removeNew(project: string): Promise<void> {
  await docker("remove the server of the new version", [
    ...["rm", "--force", "--volumes", upgradeContainer(project)],
  ]);
}

/** It has no network, and a password that nobody knows until it gets the old one's. */
async function startNew(
  live: DatabaseContainer,
  project: string,
  { imageId, volume, target, environment, job }: NewDatabaseServer,
  first: string,
): Promise<DatabaseContainer> {
  await removeNew(project);
  const given = Object.entries(environment).flatMap(([name, value]) => [
    "--env",
    `${name}=${value}`,
  ]);
  const id = await docker(
    "start a database of the new version",
    [
      ...["run", "--detach", "--name", upgradeContainer(project), "--network", "none"],
      ...["--label", `${JOB_LABEL}=${job}`, "--shm-size", "256m"],
      ...["--mount", `type=volume,source=${volume},target=${target}`, ...given],
      // By its name alone: the value is in docker's own environment, and in no list of processes.
      ...["--env", `POSTGRES_USER=${first}`, "--env", "POSTGRES_DB=postgres"],
      ...["--env", "POSTGRES_PASSWORD", imageId],
      ...["postgres", ...FILLING.flatMap((setting) => ["-c", setting])],
    ],
    { environment: { POSTGRES_PASSWORD: randomBytes(32).toString("hex") } },
  );
  await waitUntilItAnswers({ id, user: first }, "start a database of the new version");
  return { ...live, id, name: upgradeContainer(project), imageId };
}

/** What it has written has to be on the disk before anything is built on it. */
async function endNew(project: string): Promise<void> {
  const name = upgradeContainer(project);
  await docker("stop the database of the new version", ["stop", "-t", String(STOP_SECONDS), name], {
    timeout: (STOP_SECONDS + 30) * 1_000,
  });
  const code = await docker("ask how it ended", [
    ...["container", "inspect", "--format", "{{.State.ExitCode}}", name],
  ]);
  if (code !== "0")
    throw new Error(`the database of the new version did not end well: exit code ${code}`);
  await removeNew(project);
}

async function refuseDifferences(
  live: DatabaseContainer,
  fresh: DatabaseContainer,
  content: Awaited<ReturnType<typeof contentOf>>,
  wanted: { roles: readonly string[]; properties: string },
): Promise<void> {
  const [found, roles, properties, rules, newRules, create, newCreate] = await Promise.all([
    contentOf(fresh),
    statementsOf(fresh, "read the new roles", ROLES, MAINTENANCE_DATABASE),
    propertiesOf(fresh),
    query(live, "read who may connect", ACCESS_RULES),
    query(fresh, "read who may connect to the new one", ACCESS_RULES),
    query(live, "read its encoding", CREATE),
    query(fresh, "read the new one's encoding", CREATE),
  ]);
  const problems = differences(content, found);
  if (roles.join("\n") !== wanted.roles.join("\n"))
    problems.push("the roles, their passwords or settings are others");
  if (sorted(properties) !== sorted(wanted.properties))
    problems.push("its owner, its settings or its grants are others");
  if (create !== newCreate) problems.push("its encoding or its sorting is another");
  if (rules !== newRules)
    problems.push(
      "its pg_hba.conf was changed by hand, and that of the new one has the image's rules; put it back first",
    );
  if (problems.length > 0)
    throw new Error(`the new database is not what the old one is: ${problems.join("; ")}`);
}

/** Grants have no order of their own. */
function sorted(statements: string): string {
  return statements.split("\n").sort().join("\n");
}

async function statementsOf(
  database: DatabaseContainer,
  label: string,
  sql: string,
  name = database.database,
): Promise<string[]> {
  return JSON.parse(await query(database, label, sql, { database: name })) as string[];
}

function propertiesOf(database: DatabaseContainer): Promise<string> {
  const variables = { live: database.database, copy: database.database };
  return query(database, "read the database's settings", PROPERTIES, {
    database: MAINTENANCE_DATABASE,
    variables,
  });
}

/** Errors without the statement: it may have the hash of a password. */
async function run(
  database: DatabaseContainer,
  label: string,
  statements: readonly string[],
  name: string,
): Promise<void> {
  if (statements.length === 0) return;
  await query(database, label, statements.join("\n"), {
    ...{ database: name, timeout: TIMEOUT },
    variables: { VERBOSITY: "terse", SHOW_CONTEXT: "never" },
  });
}
