/**
 * Between Pulumi's wire values and plain ones. Secrets come in envelopes and unknown values (only in
 * previews) as a marker text; both are dealt with here, once, for all resources.
 */
import { runtime } from "@pulumi/pulumi";

/** An object as it comes from the engine or goes to it. */
export type Wire = Record<string, unknown>;

const UNKNOWN: string = runtime.unknownValue;

/** The plain value inside an envelope, at any depth. Unknown values stay as they are. */
export function unwrap(value: unknown): unknown {
  if (runtime.isRpcSecret(value)) return unwrap(runtime.unwrapRpcSecret(value));
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
  return { [runtime.specialSigKey]: runtime.specialSecretSig, value };
}

/** What may be sent: `undefined` breaks the connection after the work is done, so it is left out. */
export function sendable(value: Wire): Wire {
  return JSON.parse(JSON.stringify(value)) as Wire;
}
