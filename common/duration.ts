import * as z from "zod";

const MILLISECONDS = {
  second: 1_000,
  seconds: 1_000,
  minute: 60_000,
  minutes: 60_000,
  hour: 3_600_000,
  hours: 3_600_000,
  day: 86_400_000,
  days: 86_400_000,
} as const;

type Unit = keyof typeof MILLISECONDS;

/** A length of time as an operator writes it: `60 seconds`, `1 minute`, `2 hours`. */
export type Duration = `${number} ${Unit}`;

const FORM = /^(\d+(?:\.\d+)?) (seconds?|minutes?|hours?|days?)$/;

/** Accepts a {@link Duration}; anything else is refused with an example. */
export const durationSchema = z.custom<Duration>(
  (value) => typeof value === "string" && FORM.test(value),
  { error: 'expected a number with a unit, for example "60 seconds" or "2 minutes"' },
);

/** The length of a {@link Duration} in milliseconds. */
export function toMilliseconds(duration: Duration): number {
  const match = FORM.exec(duration);
  if (match === null) throw new Error(`not a duration: ${duration}`);
  return Number(match[1]) * MILLISECONDS[match[2] as Unit];
}

/** A measured length of time for people: `0.7 s`, `42 s`, `3 min 5 s`. */
export function describeMilliseconds(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
