/**
 * What a migration does to tables that are there, read off its SQL with PostgreSQL's own parser. What
 * can't be read off is said to be unknown and never taken for harmless.
 */
import type { Node } from "libpg-query";
import { statementEffects } from "./statement-effects.ts";

/**
 * How long a change takes, in words that hold for a table of any size.
 *
 * - `instant`: a change of the catalogue, of a sequence or of the session
 * - `reads`: the table is read once, nobody can write to it meanwhile
 * - `writes`: rows or an index are written anew, nobody can write to it meanwhile
 * - `unknown`: it runs code, or what this version doesn't know
 */
export type Cost = "instant" | "reads" | "writes" | "unknown";

/** One change that a migration makes. */
export interface Effect {
  /** What is changed: `files`, `a type`. */
  on: string;
  /** `1 new column`, `index`, `drops column x`. */
  what: string;
  cost: Cost;
  /** Whether data are deleted by it. */
  isDestructive: boolean;
  /** Where its rows come from, where that is not written in the migration: tables, or `a function`. */
  reads?: string[];
}

/** An effect of one statement; with a plural, several alike are told as one. */
export interface CountedEffect extends Effect {
  plural?: string;
}

/** What a whole migration does, in the order of its statements. */
export type MigrationEffects = Effect[];

/** A longer file is not looked at: nobody writes such a migration by hand. */
const MAXIMUM_SQL = 1024 * 1024;

/**
 * Reads migrations in the order in which they run; tables that one of them makes are new to the others.
 *
 * @param migrations their SQL, oldest first
 */
export async function readEffects(migrations: readonly string[]): Promise<MigrationEffects[]> {
  const { loadModule, parseSync } = await import("libpg-query");
  await loadModule();
  const made = new Set<string>();
  return migrations.map((sql) => {
    if (sql.trim() === "") return [];
    if (Buffer.byteLength(sql) > MAXIMUM_SQL) {
      made.clear();
      return [unknown("a file of more than 1 MB")];
    }
    try {
      const statements = (parseSync(sql).stmts ?? []).flatMap(({ stmt }) =>
        stmt === undefined ? [] : [stmt],
      );
      return combined(statements.flatMap((statement) => effectsOf(statement, made)));
    } catch (error) {
      made.clear();
      // PostgreSQL of the server may be newer than this parser.
      const reason = error instanceof Error ? error.message : "it can't be parsed";
      return [unknown(`SQL that can't be read here (${reason.slice(0, 100)})`)];
    }
  });
}

/**
 * What happens to a table that a migration has made itself is no news while it is empty or small. One that
 * is filled from another is neither.
 *
 * @param made the names of those that are small so far; changed by it
 */
function effectsOf(statement: Node, made: Set<string>): CountedEffect[] {
  const { effects, makes } = statementEffects(statement);
  for (const { on, reads = [] } of effects)
    if (reads.some((name) => !made.has(name))) made.delete(on);
  const told = effects.filter(({ on, cost }) => !made.has(on) || cost === "unknown");
  // Code may have filled any of them, and a name may be another table's from now on.
  if (effects.some(({ cost }) => cost === "unknown")) made.clear();
  if ("RenameStmt" in statement && statement.RenameStmt.renameType === "OBJECT_TABLE")
    made.delete(statement.RenameStmt.newname ?? "");
  for (const name of makes) made.add(name);
  return told;
}

/** `1 new column` three times over on the same table is `3 new columns`. */
function combined(effects: readonly CountedEffect[]): Effect[] {
  const groups = new Map<string, { effect: CountedEffect; count: number }>();
  for (const [at, effect] of effects.entries()) {
    const { plural, ...rest } = effect;
    // What can't be counted stays by itself, where it stands.
    const key = plural === undefined ? String(at) : JSON.stringify(rest);
    const group = groups.get(key) ?? { effect, count: 0 };
    groups.set(key, { effect, count: group.count + 1 });
  }
  return [...groups.values()].map(({ effect: { plural, what, ...rest }, count }) => ({
    ...rest,
    what: plural === undefined ? what : `${count} ${count === 1 ? what : plural}`,
  }));
}

function unknown(what: string): Effect {
  return { on: "", what, cost: "unknown", isDestructive: false };
}
