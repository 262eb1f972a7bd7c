import type { Figure } from "./figure.ts";
import type { Bench } from "./bench.ts";

/** Something that is measured, on a server that other scenarios use too. */
export interface Scenario {
  /** For `--only`. */
  name: string;
  title: string;
  /** How it is measured, in sentences, for the page. */
  method: string;
  /** How often each thing is done, unless `--runs` says otherwise. */
  runs: number;
  measure(bench: Bench, runs: number): Promise<Figure[]>;
}

/** How long something takes, in seconds. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}
