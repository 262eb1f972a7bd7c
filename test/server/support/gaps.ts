import type { Prober } from "../../support/prober.ts";

/**
 * Prints after each test how long users were away in it, as a prober saw it: the figures of
 * docs/reliability.md. No test depends on them.
 */
export function tellGaps(prober: () => Prober | undefined): void {
  let since = 0;
  beforeEach(() => {
    since = Date.now();
  });
  afterEach(() => {
    const gaps =
      prober()
        ?.snapshot()
        .gaps.filter(({ from }) => from >= since) ?? [];
    const total = gaps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    console.log(`      away for ${(total / 1_000).toFixed(1)} s`);
  });
}
