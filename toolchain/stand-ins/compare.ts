import type { ResourceType } from "./resource-type.ts";
import { hasUnknown, isSame, type Properties } from "./values.ts";

export interface Change {
  property: string;
  kind: "add" | "delete" | "update";
  replaces: boolean;
}

/** What has to change in a resource so that it is as its inputs say. */
export function changes(type: ResourceType, state: Properties, inputs: Properties): Change[] {
  const wanted = type.wanted?.(inputs) ?? inputs;
  return type.inputs.flatMap((property) => {
    const before = state[property];
    const after = wanted[property];
    if (!hasUnknown(after) && isSame(before, after)) return [];
    const replaces = type.replacedBy.includes(property);
    return [{ property, kind: kindOf(before, after), replaces }];
  });
}

function kindOf(before: unknown, after: unknown): Change["kind"] {
  if (before === undefined || before === null) return "add";
  return after === undefined || after === null ? "delete" : "update";
}
