/**
 * Between Pulumi's wire values and plain ones. Secrets come in envelopes and unknown values (only in
 * previews) as a marker text; both are dealt with here, once, for all resources.
 */
import { SECRET_SIGNATURE, SIGNATURE, UNKNOWN } from "./engine/markers.ts";

/** An object as it comes from the engine or goes to it. */
export type Wire = Record<string, unknown>;

/** The plain value inside an envelope, at any depth. Unknown values stay as they are. */
export function unwrap(value: unknown): unknown {
  if (isSealed(value)) return unwrap(value.value);
  if (Array.isArray(value)) return value.map(unwrap);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, unwrap(member)]));
}

/** Whether a value is unknown yet, as a whole or in some part. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (value === null || typeof value !== "object") return false;
  return Object.values(unwrap(value) as object).some(hasUnknown);
}

/** A value that the engine encrypts in its state. */
export function secret(value: unknown): unknown {
  return { [SIGNATURE]: SECRET_SIGNATURE, value };
}

/** Whether there is a secret in a value, in some part of it. */
export function hasSecret(value: unknown): boolean {
  if (isSealed(value)) return true;
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).some(hasSecret);
}

/**
 * Puts every member into an envelope that came in one: a resource sees plain values only, and one
 * that it hands back as it is would stand in plain in the state.
 */
export function sealedAs(received: Wire, value: Wire): Wire {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      hasSecret(received[key]) && !hasSecret(member) ? secret(member) : member,
    ]),
  );
}

/** What may be sent: `undefined` breaks the connection after the work is done, so it is left out. */
export function sendable(value: Wire): Wire {
  return JSON.parse(JSON.stringify(value)) as Wire;
}

/** Whether a value is one in an envelope. */
function isSealed(value: unknown): value is { value: unknown } {
  return (
    typeof value === "object" && value !== null && (value as Wire)[SIGNATURE] === SECRET_SIGNATURE
  );
}
