import type { Figure } from "../figure.ts";
import type { Scenario } from "../scenario.ts";
import { bringBoth, ourSwap, RELEASES, type Swap, theirSwap, told } from "../swaps.ts";

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
    await bringBoth(bench);
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
