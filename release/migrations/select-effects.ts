/** What a SELECT does that asks no table: as dumps and migrations set sequences and settings by it. */
import type { FuncCall, Node, SelectStmt } from "libpg-query";
import type { CountedEffect as Effect } from "./effects.ts";
import { printable } from "./names.ts";

/**
 * The effects of a SELECT without FROM that only calls functions which take no time.
 *
 * @returns undefined for any other, whose time and effects are not known
 */
export function selectEffects(statement: SelectStmt): Effect[] | undefined {
  const { targetList = [], op, limitOption, ...others } = statement;
  const isPlain = op === "SETOP_NONE" && limitOption === "LIMIT_OPTION_DEFAULT";
  if (!isPlain || targetList.length === 0 || Object.keys(others).length > 0) return undefined;
  return effectsOfAll(
    targetList.map((column) => ("ResTarget" in column ? column.ResTarget.val : undefined)),
  );
}

/** A function of PostgreSQL's own: by its name alone it could be one of the release's, with other arguments. */
interface KnownFunction {
  /** How many arguments it takes. */
  takes: readonly number[];
  /** What a call does; undefined: not known by its arguments. @default nothing that stays */
  does?: (values: readonly Node[]) => Effect[] | undefined;
}

const ADVISORY_LOCK = instant("", "advisory lock", "advisory locks");

const LOCKS = ["pg_advisory_lock", "pg_advisory_xact_lock"].flatMap((lock) => [
  lock,
  `${lock}_shared`,
]);

/** The functions that may be called. */
const FUNCTIONS: Record<string, KnownFunction> = {
  setval: {
    takes: [2, 3],
    does: ([sequence]) => [instant(sequenceName(sequence), "sets the sequence")],
  },
  nextval: {
    takes: [1],
    does: ([sequence]) => [instant(sequenceName(sequence), "takes the next number")],
  },
  set_config: {
    takes: [3],
    does: ([name, value]) =>
      meansOtherTables(name, value)
        ? undefined
        : [instant("", "setting of the session", "settings of the session")],
  },
  ...Object.fromEntries(
    LOCKS.map((name) => [name, { takes: [1, 2], does: () => [ADVISORY_LOCK] }]),
  ),
  currval: { takes: [1] },
  lastval: { takes: [0] },
  pg_get_serial_sequence: { takes: [2] },
  pg_sequence_last_value: { takes: [1] },
  current_setting: { takes: [1, 2] },
  pg_advisory_unlock: { takes: [1, 2] },
  pg_advisory_unlock_all: { takes: [0] },
  hashtext: { takes: [1] },
  hashtextextended: { takes: [2] },
  to_regclass: { takes: [1] },
  now: { takes: [0] },
};

/** Any other may be one of the release's. */
const OPERATORS = ["+", "-", "*", "||"];

/** Of other types a cast may run code. */
const TYPES = ["regclass", "text", "int4", "int8", "bool"];

/** What the parts of an expression do together; undefined where one of them is not known. */
function effectsOfAll(parts: readonly (Node | undefined)[]): Effect[] | undefined {
  const effects: Effect[] = [];
  for (const part of parts) {
    const found = effectsOf(part);
    if (found === undefined) return undefined;
    effects.push(...found);
  }
  return effects;
}

function effectsOf(node: Node | undefined): Effect[] | undefined {
  if (node === undefined) return undefined;
  if ("A_Const" in node) return [];
  if ("FuncCall" in node) return effectsOfCall(node.FuncCall);
  if ("TypeCast" in node) {
    const { arg, typeName } = node.TypeCast;
    const type = ownName(typeName?.names);
    return type !== undefined && TYPES.includes(type) ? effectsOf(arg) : undefined;
  }
  if ("A_Expr" in node && node.A_Expr.kind === "AEXPR_OP") {
    const { name, lexpr, rexpr } = node.A_Expr;
    const operator = ownName(name);
    if (operator === undefined || !OPERATORS.includes(operator)) return undefined;
    return effectsOfAll(lexpr === undefined ? [rexpr] : [lexpr, rexpr]);
  }
  return undefined;
}

/** A call with FILTER, OVER or DISTINCT is no plain one. */
function effectsOfCall(call: FuncCall): Effect[] | undefined {
  const { funcname, args = [], funcformat: _, location: _location, ...others } = call;
  const name = ownName(funcname);
  if (name === undefined || !Object.hasOwn(FUNCTIONS, name) || Object.keys(others).length > 0)
    return undefined;
  const { takes = [], does = () => [] } = FUNCTIONS[name] ?? {};
  if (!takes.includes(args.length)) return undefined;
  const inner = effectsOfAll(args);
  const own = does(args);
  return inner && own && [...inner, ...own];
}

/** A name of PostgreSQL's own: without a schema, or with that of its catalogue. */
function ownName(parts: readonly Node[] = []): string | undefined {
  const names = parts.map((part) => ("String" in part ? part.String.sval : undefined));
  if (names.length === 2 && names[0] === "pg_catalog") names.shift();
  return names.length === 1 ? names[0] : undefined;
}

/** Names of tables mean others by another search path; an empty one leaves none without a schema. */
function meansOtherTables(name: Node | undefined, value: Node | undefined): boolean {
  const setting = textOf(name);
  if (setting === undefined) return true;
  const path = textOf(value);
  return setting.toLowerCase() === "search_path" && path !== "" && path !== "public";
}

/** As it is written where that is plain; else it stays `a sequence`. */
function sequenceName(node: Node | undefined): string {
  const name = textOf(node);
  if (name === undefined || !/^[\w.]+$/.test(name)) return "a sequence";
  return printable(name.replace(/^public\./, ""));
}

function textOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ("TypeCast" in node) return textOf(node.TypeCast.arg);
  return "A_Const" in node ? node.A_Const.sval?.sval : undefined;
}

function instant(on: string, what: string, plural?: string): Effect {
  return {
    ...{ on, what, cost: "instant", isDestructive: false },
    ...(plural === undefined ? {} : { plural }),
  };
}
