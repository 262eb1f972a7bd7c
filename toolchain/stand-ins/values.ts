import { SECRET_SIGNATURE, SIGNATURE, UNKNOWN } from "../../provider/engine/markers.ts";

export type Properties = Record<string, unknown>;

/** A resource's properties without their envelopes, and which of them hold something secret. */
export interface Decoded {
  values: Properties;
  secrets: ReadonlySet<string>;
}

/** Takes the envelopes off properties from the engine, however deep they are. */
export function decode(properties: Properties): Decoded {
  const secrets = new Set<string>();
  const values: Properties = {};
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("__")) continue;
    values[key] = unwrap(value, () => secrets.add(key));
  }
  return { values, secrets };
}

/** Puts secret properties into the engine's envelope and drops what is not set. */
export function encode(values: Properties, secrets: Iterable<string>): Properties {
  const secretKeys = new Set(secrets);
  const encoded: Properties = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    encoded[key] = secretKeys.has(key) ? { [SIGNATURE]: SECRET_SIGNATURE, value } : value;
  }
  return encoded;
}

function unwrap(value: unknown, foundSecret: () => void): unknown {
  if (Array.isArray(value)) return value.map((element) => unwrap(element, foundSecret));
  if (!isRecord(value)) return value;
  const signature = value[SIGNATURE];
  if (signature === SECRET_SIGNATURE) {
    foundSecret();
    return unwrap(value.value, foundSecret);
  }
  if (signature !== undefined) {
    throw new Error("a stand-in takes no assets, archives or references to resources");
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, unwrap(inner, foundSecret)]),
  );
}

/** Whether something in a value is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isRecord(value) && Object.values(value).some(hasUnknown);
}

/** Whether two values are the same as JSON; nothing and null are. */
export function isSame(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    isRecord(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
