/** By which rules a database sorts text: they come with the image's C library, whatever PostgreSQL it has. */
import { type DatabaseContainer, query } from "./psql.ts";

/** Empty for the plain order of bytes, which has no versions, and for rules that are no C library's. */
const RULES = `
SELECT CASE datlocprovider WHEN 'c' THEN coalesce(%, '') ELSE '' END
FROM pg_database WHERE datname = current_database()`;

const MADE_WITH = RULES.replace("%", "datcollversion");
const ACTUAL = RULES.replace("%", "pg_database_collation_actual_version(oid)");

/**
 * Refuses an image whose rules are not those that the live database was made with: its indexes would have to be
 * made anew at once, and until then rows are not found.
 *
 * @param copy a database in a server of that image
 */
export async function refuseOtherRules(
  live: DatabaseContainer,
  copy: DatabaseContainer,
): Promise<void> {
  const [made, actual] = await Promise.all([
    query(live, "ask for the sorting rules", MADE_WITH),
    query(copy, "ask for the sorting rules of the other image", ACTUAL),
  ]);
  if (made === actual || made === "" || actual === "") return;
  throw new Error(
    `it sorts text by rules of version ${actual}, and the database was made with ${made}: its indexes would ` +
      "lead astray",
  );
}
