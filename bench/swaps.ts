/** Swaps between two releases whose images are there, in our way and in the page's. */
import { setTimeout as sleep } from "node:timers/promises";
import { chatUrl } from "../test/server/support/fixture.ts";
import type { Bench } from "./bench.ts";
import { secondsOf } from "./scenario.ts";
import { type Seen, watch } from "./watch.ts";

/** Two releases with the same migrations and the same compose file. */
export const RELEASES = ["v1.0.0", "v1.0.1"] as const;

/** What is watched before and after a swap, in milliseconds. */
const QUIET = 1_500;

export interface Swap extends Seen {
  total: number;
}

/** Once each way, so that both images are there. */
export async function bringBoth(bench: Bench): Promise<void> {
  for (const release of [...RELEASES].reverse()) {
    await bench.ours(release);
    await bench.thePage(release);
  }
}

/** By `pulumi up`. */
export async function ourSwap(bench: Bench, release: string): Promise<Swap> {
  const operator = await bench.ours(RELEASES.find((other) => other !== release) ?? release);
  await operator.configure({ release });
  return watched(chatUrl(bench.server), () => bench.update(operator, release, "--skip-preview"));
}

/** By `docker compose up -d`. */
export async function theirSwap(bench: Bench, release: string): Promise<Swap> {
  const page = await bench.thePage(RELEASES.find((other) => other !== release) ?? release);
  await page.choose(release);
  const before = await page.container();
  const result = await watched(page.url, () => page.composeUp());
  if ((await page.container()) === before) throw new Error("docker compose up -d swapped nothing");
  return result;
}

/** Watches a chat while it is swapped. */
export async function watched(url: string, work: () => Promise<void>): Promise<Swap> {
  const watching = watch(url);
  await sleep(QUIET);
  const total = await secondsOf(work);
  await sleep(QUIET);
  return { ...(await watching.stop()), total };
}

export function told(swap: Swap | undefined): string {
  return `away ${swap?.away.toFixed(2)} s of ${swap?.total.toFixed(1)} s`;
}
