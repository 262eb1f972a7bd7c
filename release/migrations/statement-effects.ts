/** The effects of single statements. Sources: PostgreSQL 17's pages on ALTER TABLE and explicit locking. */
import type {
  AlterTableCmd,
  AlterTableStmt,
  ColumnDef,
  Constraint,
  CreateStmt,
  CreateTableAsStmt,
  DropStmt,
  InsertStmt,
  Node,
  RangeVar,
  SelectStmt,
} from "libpg-query";
import type { Cost, CountedEffect as Effect } from "./effects.ts";
import { nameOf, printable } from "./names.ts";
import { readsOf, writesElsewhere } from "./query-reads.ts";
import { selectEffects } from "./select-effects.ts";

export interface StatementEffects {
  effects: Effect[];
  /** Names of tables that it makes, with few rows or none. */
  makes: string[];
}

export function statementEffects(node: Node): StatementEffects {
  const [[kind, statement] = ["", {}]] = Object.entries(node) as [string, object][];
  const makes = MAKERS[kind]?.(statement as never);
  if (makes !== undefined) return makes;
  const read = READERS[kind];
  if (read !== undefined) return { effects: read(statement as never), makes: [] };
  const effects = HARMLESS.test(kind) ? [] : [unknown(kind)];
  return { effects, makes: [] };
}

/** Statements that change the catalogue only, for a moment, and no data. */
const HARMLESS =
  /^(Comment|CreateExtension|CreateEnum|CreateDomain|CreateFunction|CreateSchema|CreateSeq|CreateTrig|View|CreatePolicy|AlterPolicy|Grant|GrantRole|AlterOwner|AlterSeq|AlterFunction|CompositeType|VariableSet|Transaction|CreateStats|AlterDefaultPrivileges|AlterExtension|Rule|CreateCast|DefineStmt|Define|AlterObjectDepends)(Stmt)?$/;

const MAKERS: Record<string, (statement: never) => StatementEffects> = {
  CreateStmt: ({ relation, if_not_exists }: CreateStmt) =>
    newTable(nameOf(relation), "new table", if_not_exists),
  CreateTableAsStmt: ({ into, objtype, query, if_not_exists }: CreateTableAsStmt) => {
    const name = nameOf(into?.rel);
    const what = objtype === "OBJECT_MATVIEW" ? "new materialized view" : "new table";
    if (query !== undefined && writesElsewhere(query))
      return { effects: [writingQuery()], makes: [] };
    const reads = into?.skipData === true ? [] : readsOf(query);
    if (reads.length === 0) return newTable(name, what, if_not_exists);
    return { effects: [{ ...effect(name, what, "writes"), reads }], makes: [] };
  },
};

/** With IF NOT EXISTS it may be there, and full. */
function newTable(name: string, what: string, mayBeThere = false): StatementEffects {
  return { effects: [effect(name, what, "instant")], makes: mayBeThere ? [] : [name] };
}

const READERS: Record<string, (statement: never) => Effect[]> = {
  AlterTableStmt: alterTable,
  AlterEnumStmt: () => [effect("a type", "new value", "instant")],
  RenameStmt: ({ relation }: { relation?: RangeVar }) => [
    effect(nameOf(relation), "new name", "instant"),
  ],
  AlterObjectSchemaStmt: ({ relation }: { relation?: RangeVar }) => [
    effect(nameOf(relation), "another schema", "instant"),
  ],
  IndexStmt: ({ relation, unique }: { relation?: RangeVar; unique?: boolean }) => [
    effect(nameOf(relation), unique === true ? "unique index" : "index", "writes"),
  ],
  DropStmt: drop,
  TruncateStmt: ({ relations = [] }: { relations?: Node[] }) =>
    relations.map((node) => effect(rangeOf(node), "empties it", "instant", true)),
  UpdateStmt: ({ relation }: { relation?: RangeVar }) => [
    effect(nameOf(relation), "changes rows", "writes"),
  ],
  DeleteStmt: ({ relation }: { relation?: RangeVar }) => [
    effect(nameOf(relation), "deletes rows", "writes", true),
  ],
  InsertStmt: ({ relation, selectStmt, withClause }: InsertStmt) => {
    const select =
      selectStmt !== undefined && "SelectStmt" in selectStmt ? selectStmt.SelectStmt : {};
    const name = nameOf(relation);
    // A query that writes elsewhere, too, is told as what it is.
    if (withClause !== undefined) return [writingQuery()];
    const reads = readsOf(selectStmt);
    return [
      {
        ...effect(name, "new rows", select.valuesLists === undefined ? "writes" : "instant"),
        ...(reads.length === 0 ? {} : { reads }),
      },
    ];
  },
  RefreshMatViewStmt: ({ relation }: { relation?: RangeVar }) => [
    effect(nameOf(relation), "read anew", "writes"),
  ],
  ClusterStmt: ({ relation }: { relation?: RangeVar }) => [
    effect(nameOf(relation), "rewrites it", "writes"),
  ],
  ReindexStmt: ({ relation }: { relation?: RangeVar }) => [
    effect(nameOf(relation), "rebuilds its indexes", "writes"),
  ],
  LockStmt: ({ relations = [] }: { relations?: Node[] }) =>
    relations.map((node) => effect(rangeOf(node), "locks it", "instant")),
  SelectStmt: (statement: SelectStmt) => selectEffects(statement) ?? [unknown("SelectStmt")],
};

function alterTable({ relation, cmds = [] }: AlterTableStmt): Effect[] {
  const on = nameOf(relation);
  return cmds.flatMap((node) => {
    const command = "AlterTableCmd" in node ? node.AlterTableCmd : undefined;
    return command === undefined ? [] : alterCommand(on, command);
  });
}

function alterCommand(on: string, command: AlterTableCmd): Effect[] {
  const { name = "", def } = command;
  switch (String(command.subtype)) {
    case "AT_AddColumn":
      return def !== undefined && "ColumnDef" in def ? [addColumn(on, def.ColumnDef)] : [];
    case "AT_DropColumn":
      return [effect(on, `drops column ${printable(name)}`, "instant", true)];
    case "AT_AlterColumnType":
      return [effect(on, `another type for ${printable(name)}`, "writes")];
    case "AT_SetNotNull":
    case "AT_ValidateConstraint":
      return [effect(on, "check of all rows", "reads")];
    case "AT_AddConstraint":
      return def !== undefined && "Constraint" in def ? [addConstraint(on, def.Constraint)] : [];
    case "AT_SetLogged":
    case "AT_SetUnLogged":
    case "AT_SetTableSpace":
    case "AT_SetAccessMethod":
      return [effect(on, "rewrites it", "writes")];
    case "AT_DropConstraint":
    case "AT_DropNotNull":
    case "AT_ColumnDefault":
    case "AT_SetStatistics":
    case "AT_SetStorage":
    case "AT_ChangeOwner":
    case "AT_EnableRowSecurity":
    case "AT_DisableRowSecurity":
    case "AT_EnableTrig":
    case "AT_DisableTrig":
    case "AT_ReplicaIdentity":
    case "AT_SetRelOptions":
    case "AT_ResetRelOptions":
      return [effect(on, "changed rule", "instant")];
    default:
      return [effect(on, "a change that this version doesn't know", "unknown")];
  }
}

/** A constant default is noted once; anything that may differ from row to row is written to each. */
function addColumn(on: string, { constraints = [], typeName }: ColumnDef): Effect {
  const parts = constraints.flatMap((node) => ("Constraint" in node ? [node.Constraint] : []));
  const types = (typeName?.names ?? []).map((node) => ("String" in node ? node.String.sval : ""));
  const isCounter = /^(small|big)?serial[248]?$/.test(types.at(-1) ?? "");
  const writes = parts.some(
    (part) =>
      ["CONSTR_GENERATED", "CONSTR_IDENTITY", "CONSTR_UNIQUE", "CONSTR_PRIMARY"].includes(
        String(part.contype),
      ) ||
      (String(part.contype) === "CONSTR_DEFAULT" && !isConstant(part.raw_expr)),
  );
  if (writes || isCounter) return effect(on, "new column with values for each row", "writes");
  const checks = parts.some((part) =>
    ["CONSTR_CHECK", "CONSTR_FOREIGN"].includes(String(part.contype)),
  );
  return checks
    ? effect(on, "new column with a check", "reads")
    : effect(on, "new column", "instant");
}

/** `now()` is the same for all rows of a statement, and so are a few others. */
const STABLE = new Set(["now", "transaction_timestamp", "statement_timestamp", "current_setting"]);

function isConstant(node: Node | undefined): boolean {
  if (node === undefined || "A_Const" in node || "SQLValueFunction" in node) return true;
  if ("TypeCast" in node) return isConstant(node.TypeCast.arg);
  if ("A_ArrayExpr" in node) return (node.A_ArrayExpr.elements ?? []).every(isConstant);
  if ("A_Expr" in node) return [node.A_Expr.lexpr, node.A_Expr.rexpr].every(isConstant);
  if (!("FuncCall" in node)) return false;
  const names = node.FuncCall.funcname?.map((part) => ("String" in part ? part.String.sval : ""));
  return STABLE.has(names?.at(-1) ?? "") && (node.FuncCall.args ?? []).every(isConstant);
}

function addConstraint(on: string, { contype, skip_validation, indexname }: Constraint): Effect {
  const isKey = ["CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"].includes(String(contype));
  // An index that is there already is only taken over.
  if (isKey) return effect(on, "key", indexname === undefined ? "writes" : "instant");
  return effect(on, "check of all rows", skip_validation === true ? "instant" : "reads");
}

/** What columns are made of: with it CASCADE drops them, and their data. */
const COLUMNS_NEED = ["TYPE", "DOMAIN", "EXTENSION", "COLLATION"];

function drop({ removeType, objects = [], behavior }: DropStmt): Effect[] {
  const kind = String(removeType).replace(/^OBJECT_/, "");
  if (["TABLE", "MATVIEW", "FOREIGN_TABLE"].includes(kind))
    return objects.map((node) => effect(listName(node), "drops it", "instant", true));
  if (kind === "SCHEMA")
    return objects.map((node) => effect(listName(node), "drops the schema", "instant", true));
  const what = `drops ${words(kind.toLowerCase())}`;
  if (behavior === "DROP_CASCADE" && COLUMNS_NEED.includes(kind))
    return objects.map((node) =>
      effect("", `${what} ${listName(node)} and all columns that need it`, "instant", true),
    );
  return [effect("", what, "instant")];
}

function unknown(kind: string): Effect {
  return effect("", `runs ${words(kind)}`, "unknown");
}

function writingQuery(): Effect {
  return effect("", "runs a query that may write", "unknown");
}

function effect(on: string, what: string, cost: Cost, isDestructive = false): Effect {
  const plural = PLURALS[what];
  return { on, what, cost, isDestructive, ...(plural === undefined ? {} : { plural }) };
}

/** What is told as a number where there are several alike. */
const PLURALS: Record<string, string> = {
  "new column": "new columns",
  "new column with a check": "new columns with a check",
  "new column with values for each row": "new columns with values for each row",
  "check of all rows": "checks of all rows",
  "changed rule": "changed rules",
  "new name": "new names",
  "new value": "new values",
  "unique index": "unique indexes",
  index: "indexes",
  key: "keys",
};

function rangeOf(node: Node): string {
  return "RangeVar" in node ? nameOf(node.RangeVar) : "";
}

function listName(node: Node): string {
  const parts =
    "List" in node
      ? (node.List.items ?? [])
      : "TypeName" in node
        ? (node.TypeName.names ?? [])
        : [node];
  const names = parts.flatMap((part) => ("String" in part ? [part.String.sval ?? ""] : []));
  return printable(names.filter((name, at) => at > 0 || name !== "public").join("."));
}

/** `CreateTableAsStmt` is "create table as". */
function words(kind: string): string {
  return kind
    .replace(/Stmt$/, "")
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}
