const BYTES = { MB: 1_000_000, GB: 1_000_000_000 } as const;

/** An amount of memory or disk as an operator writes it: `512 MB`, `1.5 GB`. */
export type Size = `${number} ${keyof typeof BYTES}`;

const FORM = /^(\d{1,7}(?:\.\d{1,3})?) (MB|GB)$/;

export function isSize(value: unknown): value is Size {
  return typeof value === "string" && FORM.test(value);
}

/** A {@link Size} in bytes. */
export function toBytes(size: Size): number {
  const match = FORM.exec(size);
  if (match === null) throw new Error(`not a size: ${size}`);
  return Math.round(Number(match[1]) * BYTES[match[2] as keyof typeof BYTES]);
}

/** Bytes for people: `0.3 MB`, `512 MB`, `1.5 GB`. */
export function describeBytes(bytes: number): string {
  const megabytes = bytes / BYTES.MB;
  // Most dumps are small: a digit more tells them apart.
  if (megabytes < 9.95) return `${megabytes.toFixed(1)} MB`;
  if (megabytes < 999.5) return `${Math.round(megabytes)} MB`;
  return `${Math.round(megabytes / 100) / 10} GB`;
}
