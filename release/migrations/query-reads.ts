/** Where a query that fills a table has its rows from. */
import type { CommonTableExpr, Node, RangeVar, SelectStmt } from "libpg-query";
import { nameOf } from "./names.ts";

/** What rows come from that no table holds. */
const UNNAMED: Record<string, string> = {
  RangeFunction: "a function",
  RangeTableFunc: "a function",
  JsonTable: "a function",
  // Another statement, prepared before.
  ExecuteStmt: "a prepared query",
};

/**
 * The tables and functions that a query has its rows from, each once.
 *
 * @returns none where it gives only what it writes out itself, a row or a list of values
 */
export function readsOf(query: Node | undefined): string[] {
  if (query === undefined) return [];
  const parts = "SelectStmt" in query ? sourcesOf(query.SelectStmt) : query;
  const nodes = [...nodesIn(parts)];
  const named = nodes.map(([kind, value]) =>
    kind === "CommonTableExpr" ? (value as CommonTableExpr).ctename : undefined,
  );
  const reads = nodes.flatMap(([kind, value]) =>
    kind === "RangeVar" ? [nameOf(value as RangeVar)] : (UNNAMED[kind] ?? []),
  );
  return [...new Set(reads)].filter((name) => !named.includes(name));
}

/** A part of a UNION has its own. */
function sourcesOf({ fromClause, withClause, larg, rarg }: SelectStmt): unknown[] {
  const parts = [larg, rarg].flatMap((part) => (part === undefined ? [] : sourcesOf(part)));
  return [fromClause, withClause, ...parts];
}

/** Whether a query changes tables, too, as its WITH clause can. */
export function writesElsewhere(query: Node): boolean {
  return [...nodesIn(query)].some(([kind]) => /^(Insert|Update|Delete|Merge)Stmt$/.test(kind));
}

/** All members within a part of the tree, however deep, by their names. */
function* nodesIn(part: unknown): Generator<[kind: string, value: unknown]> {
  if (typeof part !== "object" || part === null) return;
  for (const [kind, value] of Object.entries(part) as [string, unknown][]) {
    yield [kind, value];
    yield* nodesIn(value);
  }
}
