import { chatUrl } from "../../test/server/support/fixture.ts";
import type { Figure } from "../figure.ts";
import type { Scenario } from "../scenario.ts";
import { bringBoth, ourSwap, RELEASES, type Swap, theirSwap, told, watched } from "../swaps.ts";

const [OLDER, NEWER] = RELEASES;

/** A rollback without migrations, beside the plain swap by Compose and our own update. */
export const rollback: Scenario = {
  name: "rollback",
  title: "A rollback without migrations",
  method:
    "From v1.0.1 of the sample back to v1.0.0 by `npx chatalot rollback --to v1.0.0 --yes`, which shows " +
    "what it will do before it does; beside it `docker compose up -d` as above, and the update by " +
    "`pulumi up --skip-preview` from v1.0.0 to v1.0.1.",
  runs: 7,

  async measure(bench, runs) {
    await bringBoth(bench);
    const updates: Swap[] = [];
    const rollbacks: Swap[] = [];
    const page: Swap[] = [];
    for (let run = 1; run <= runs; run += 1) {
      updates.push(await ourSwap(bench, NEWER));
      rollbacks.push(await watched(chatUrl(bench.server), () => bench.rollback(OLDER)));
      page.push(await theirSwap(bench, RELEASES[run % RELEASES.length] ?? OLDER));
      bench.report(
        `rollback ${run}/${runs}: ${told(rollbacks.at(-1))}; update ${told(updates.at(-1))}; ` +
          `compose ${told(page.at(-1))}`,
      );
    }
    const figure = (
      name: string,
      key: keyof Swap,
      baseline: { name: string; swaps: readonly Swap[] },
    ): Figure => ({
      name,
      unit: "s",
      ours: rollbacks.map((sample) => sample[key]),
      baseline: { name: baseline.name, samples: baseline.swaps.map((sample) => sample[key]) },
    });
    return [
      {
        ...figure("chat is away", "away", { name: "`docker compose up -d`", swaps: page }),
        atMost: { ratio: 1.5 },
      },
      figure("chat is away", "away", { name: "our update", swaps: updates }),
      figure("the whole rollback", "total", { name: "our update", swaps: updates }),
    ];
  },
};
