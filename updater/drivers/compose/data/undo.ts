/** Takes migrations back by SQL of the operator's, in one transaction, in a database beside the live one. */
import { type DatabaseContainer, query } from "./psql.ts";

/** A script may rewrite a table, as its migration may have. */
const TIMEOUT = 4 * 3_600_000;

/**
 * The scripts come as rows of a table and are run by the server. So psql reads none of their text, which
 * might have commands for psql itself, and none of them can end the transaction.
 */
const RUN = `
DO $undo$
DECLARE script record;
BEGIN
  FOR script IN SELECT statements FROM pg_temp.chatalot_deploy_undo ORDER BY place LOOP
    EXECUTE script.statements;
  END LOOP;
END $undo$;
DELETE FROM public._sqlx_migrations WHERE version = ANY (string_to_array(:'versions', ',')::bigint[]);
COMMIT;`;

const BEGIN = `
BEGIN;
CREATE TEMPORARY TABLE chatalot_deploy_undo (place int, statements text) ON COMMIT DROP;
COPY chatalot_deploy_undo FROM STDIN;
`;

export async function undoMigrations(
  live: DatabaseContainer,
  name: string,
  scripts: readonly string[],
  versions: readonly number[],
): Promise<void> {
  if (name === live.database) throw new Error("undo migrations: this is the live database");
  const rows = scripts.map((sql, place) => `${place}\t${copyText(sql)}\n`).join("");
  await query(live, "take migrations back", `${BEGIN}${rows}\\.\n${RUN}`, {
    database: name,
    timeout: TIMEOUT,
    variables: { versions: versions.join(",") },
  });
}

/** A text as COPY reads it: on one line, with nothing in it that ends the row or the table. */
export function copyText(text: string): string {
  const escapes: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return text.replaceAll(/[\\\n\r\t]/g, (character) => escapes[character] ?? character);
}
