import { setTimeout as sleep } from "node:timers/promises";
import { chatUrl } from "../../test/server/support/fixture.ts";
import type { Bench } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { type Scenario, secondsOf } from "../scenario.ts";
import { type Seen, watch } from "../watch.ts";

/** Two releases with the same migrations and the same compose file. */
const RELEASES = ["v1.0.0", "v1.0.1"] as const;

/** What is watched before and after a swap, in milliseconds. */
const QUIET = 1_500;

interface Swap extends Seen {
  total: number;
}

/** An update without migrations, its image there: beside `docker compose up -d` in the page's folder. */
export const swap: Scenario = {
  name: "swap",
  title: "An update without migrations, the image already there",
  method:
    "From v1.0.0 of the sample to v1.0.1 and back, by `pulumi up --skip-preview`; beside it, on the " +
    "same server, `docker compose up -d` over SSH in a folder prepared as Chatalot's page says, with " +
    "the next image already tagged. Both are asked for their health each 10 ms by a new connection; " +
    "away is the time between two answers. `health.mustStayGoodFor` is 1 second, not the default of " +
    "10; it is part of the whole time, and the chat serves meanwhile.",
  runs: 7,

  async measure(bench, runs) {
    // Once each way, so that both images are there.
    for (const release of [...RELEASES].reverse()) {
      await bench.ours(release);
      await bench.thePage(release);
    }
    const ours: Swap[] = [];
    const page: Swap[] = [];
    for (let run = 1; run <= runs; run += 1) {
      const release = RELEASES[run % RELEASES.length] ?? RELEASES[0];
      ours.push(await ourSwap(bench, release));
      page.push(await theirSwap(bench, release));
      bench.report(`swap ${run}/${runs}: ${told(ours.at(-1))}; compose ${told(page.at(-1))}`);
    }
    const figure = (name: string, unit: Figure["unit"], key: keyof Swap): Figure => ({
      name,
      unit,
      ours: ours.map((sample) => sample[key]),
      baseline: { name: "`docker compose up -d`", samples: page.map((sample) => sample[key]) },
    });
    return [
      { ...figure("chat is away", "s", "away"), atMost: { ratio: 1.2 } },
      figure("failed requests, 100 a second", "requests", "failed"),
      figure("the whole update", "s", "total"),
    ];
  },
};

async function ourSwap(bench: Bench, release: string): Promise<Swap> {
  const operator = await bench.ours(RELEASES.find((other) => other !== release) ?? release);
  await operator.configure({ release });
  return watched(chatUrl(bench.server), () => bench.update(operator, release, "--skip-preview"));
}

async function theirSwap(bench: Bench, release: string): Promise<Swap> {
  const page = await bench.thePage(RELEASES.find((other) => other !== release) ?? release);
  await page.choose(release);
  const before = await page.container();
  const result = await watched(page.url, () => page.composeUp());
  if ((await page.container()) === before) throw new Error("docker compose up -d swapped nothing");
  return result;
}

async function watched(url: string, work: () => Promise<void>): Promise<Swap> {
  const watching = watch(url);
  await sleep(QUIET);
  const total = await secondsOf(work);
  await sleep(QUIET);
  return { ...(await watching.stop()), total };
}

function told(swap: Swap | undefined): string {
  return `away ${swap?.away.toFixed(2)} s of ${swap?.total.toFixed(1)} s`;
}
