/** The keys of the configuration as its schema has them, so that no table of them can forget one. */
import { settingsSchema } from "../../settings/schema.ts";

/** What of zod's own description of a schema is looked at. */
interface Described {
  _zod: { def: { type: string; out?: Described; shape?: Record<string, Described> } };
}

/** `release`, `server.host`, ...: every key that has a value of its own; and the two sections of variables. */
export function keysOfSchema(): string[] {
  return [...keysOf(settingsSchema), "env", "secretEnv"];
}

function keysOf(schema: Described, before = ""): string[] {
  const { shape = {} } = schema._zod.def;
  return Object.entries(shape).flatMap(([name, member]) => {
    const { type, out } = member._zod.def;
    // A section: its input is prepared, and its output is an object.
    const section = type === "pipe" && out?._zod.def.type === "object" ? out : undefined;
    return section === undefined ? [`${before}${name}`] : keysOf(section, `${before}${name}.`);
  });
}
