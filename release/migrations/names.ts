/** Names of tables and columns in a migration, as a person reads them. */
import type { RangeVar } from "libpg-query";
import { withoutControls } from "../../common/text.ts";

/** Without the usual schema, as a person names it. */
export function nameOf(relation: RangeVar | undefined): string {
  const { schemaname, relname = "" } = relation ?? {};
  const schema = schemaname === undefined || schemaname === "public" ? "" : `${schemaname}.`;
  return printable(`${schema}${relname}`);
}

/** Names come from a repository: they must not steer a terminal, nor fill it. */
export function printable(name: string): string {
  return withoutControls(name).slice(0, 63);
}
