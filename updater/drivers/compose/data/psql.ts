/** PostgreSQL's own programs in the database's container: always of the right version. */
import { DATABASE_SERVICE } from "../../../../release/compose-file.ts";
import { docker, findContainer, type InspectedContainer } from "../docker.ts";

/** The running container of the database, and how it was told to name things. */
export interface DatabaseContainer {
  id: string;
  name: string;
  /** What it runs from, by its id: a tag may have moved. */
  imageId: string;
  /** The role that owns everything; the image makes it a superuser. */
  user: string;
  /** The live database. */
  database: string;
}

/** Undefined while no container of the database runs. */
export async function findDatabase(project: string): Promise<DatabaseContainer | undefined> {
  return databaseOf(await findContainer(project, DATABASE_SERVICE));
}

/** Undefined where the database's container doesn't run. */
export function databaseOf(
  container: InspectedContainer | undefined,
): DatabaseContainer | undefined {
  if (container?.facts.running !== true) return undefined;
  const user = container.environment.get("POSTGRES_USER") ?? "postgres";
  return {
    id: container.facts.id,
    name: container.facts.name,
    imageId: container.facts.imageId,
    user,
    database: container.environment.get("POSTGRES_DB") ?? user,
  };
}

/** As {@link findDatabase}, where there has to be one. */
export async function theDatabase(project: string): Promise<DatabaseContainer> {
  const found = await findDatabase(project);
  if (found === undefined) throw new Error("the database's container does not run");
  return found;
}

/** The database that always exists besides the live one; renaming needs a session elsewhere. */
export const MAINTENANCE_DATABASE = "postgres";

export interface QueryOptions {
  /** @default the live database */
  database?: string;
  /** In milliseconds. @default 20 seconds */
  timeout?: number;
  /** Values for `:'name'` and `:"name"` in the statements. */
  variables?: Record<string, string>;
}

/**
 * Ends psql by a command of its own. The end of standard input alone may never arrive: when it comes
 * before Docker has started the program it is lost, and psql waits for ever (moby#37870; seen here
 * with a text of no length).
 */
export const QUIT = "\\q\n";

/** Runs statements one by one, each in a transaction of its own, and gives the rows as text. */
export function query(
  { id, user, database }: DatabaseContainer,
  label: string,
  sql: string,
  options: QueryOptions = {},
): Promise<string> {
  return docker(
    label,
    [
      ...["exec", "--interactive", id, "psql"],
      ...psqlArguments(user, options.database ?? database),
      ...Object.entries(options.variables ?? {}).map(([name, value]) => `--set=${name}=${value}`),
    ],
    { stdin: `${sql}\n;\n${QUIT}`, timeout: options.timeout ?? 20_000 },
  );
}

/** Arguments that make psql print bare values and stop at the first error. */
export function psqlArguments(user: string, database: string): string[] {
  return [
    ...["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"],
    ...["--no-password", `--username=${user}`, `--dbname=${database}`],
  ];
}
