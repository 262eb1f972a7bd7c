/** What one scenario measured: samples of ours, and of what they are compared with. */
import { median } from "./statistics.ts";

/** Seconds are shown with two decimals, the others as whole numbers. */
export type Unit = "s" | "connections" | "requests";

export interface Figure {
  /** What was measured: "no-op `pulumi up`". */
  name: string;
  unit: Unit;
  /** One for each repetition. */
  ours: readonly number[];
  /** What ours is compared with, measured in turn with it. */
  baseline?: { name: string; samples: readonly number[] };
  /** The promise, if there is one: of the ratio of the medians, or of each sample of ours. */
  atMost?: { ratio: number } | { value: number };
}

/** The median of ours over the baseline's; undefined without one, or where it is 0. */
export function ratioOf({ ours, baseline }: Figure): number | undefined {
  if (baseline === undefined) return undefined;
  const divisor = median(baseline.samples);
  return divisor === 0 ? undefined : median(ours) / divisor;
}

/** Whether a figure keeps its promise; undefined without a promise. */
export function isMet(figure: Figure): boolean | undefined {
  const { atMost, ours } = figure;
  if (atMost === undefined) return undefined;
  if ("value" in atMost) return ours.every((sample) => sample <= atMost.value);
  const ratio = ratioOf(figure);
  return ratio !== undefined && ratio <= atMost.ratio;
}
