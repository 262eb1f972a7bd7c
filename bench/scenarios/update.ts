import { setTimeout as sleep } from "node:timers/promises";
import { chatUrl } from "../../test/server/support/fixture.ts";
import { ledgerOf } from "../../test/server/support/looks.ts";
import type { Bench } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { type Scenario, secondsOf } from "../scenario.ts";
import { type Seen, watch } from "../watch.ts";

/** One after the other, so that each begins where the one before ended. */
const UPDATES = [
  { release: "v1.0.1", what: "without migrations" },
  { release: "v1.1.0", what: "with a migration" },
] as const;

/** What is watched before and after an update, in milliseconds. */
const QUIET = 1_500;

/** What the job's own record says, in seconds. */
interface Parts {
  dump: number;
  proof: number;
  build: number;
}

interface Update extends Seen, Parts {
  total: number;
}

/** A whole update, image and all, beside the page's procedure. */
export const update: Scenario = {
  name: "update",
  title: "A whole update",
  method:
    "From v1.0.0 of the sample to v1.0.1 (no migration), and from there to v1.1.0 (one migration), each " +
    "time from a new server: by `pulumi up --skip-preview`, with build, backup, proof and gate; beside it " +
    "what Chatalot's page says, the new files and `docker compose up -d --build`, which takes no backup. " +
    "Both are asked for their health each 10 ms. The database has 8 MB. `health.mustStayGoodFor` is 1 " +
    "second, not the default of 10.",
  runs: 3,

  async measure(bench, runs) {
    const ours = UPDATES.map((): Update[] => []);
    const page = UPDATES.map((): Update[] => []);
    for (let run = 1; run <= runs; run += 1) {
      await bench.beginAnew();
      const operator = await bench.ours("v1.0.0");
      await bench.thePage("v1.0.0");
      for (const [index, { release }] of UPDATES.entries()) {
        await operator.configure({ release });
        const seen = await watched(chatUrl(bench.server), () =>
          bench.update(operator, release, "--skip-preview"),
        );
        ours[index]?.push({ ...seen, ...(await partsOf(bench)) });
        const { url } = await bench.thePageNow();
        const theirs = await watched(url, async () => void (await bench.thePage(release)));
        page[index]?.push({ ...theirs, dump: 0, proof: 0, build: 0 });
      }
      bench.report(`update ${run}/${runs}: ${ours.map((of) => told(of.at(-1))).join("; ")}`);
    }
    return UPDATES.flatMap(({ what }, index) => {
      const of = (samples: Update[][], key: keyof Update): number[] =>
        (samples[index] ?? []).map((sample) => sample[key]);
      const compared = (name: string, unit: Figure["unit"], key: keyof Update): Figure => ({
        name: `${name}, ${what}`,
        unit,
        ours: of(ours, key),
        baseline: { name: "the page's procedure", samples: of(page, key) },
      });
      const part = (name: string, key: keyof Update): Figure => ({
        name: `${name}, ${what}`,
        unit: "s",
        ours: of(ours, key),
      });
      return [
        compared("the whole update", "s", "total"),
        compared("chat is away", "s", "away"),
        compared("failed requests, 100 a second", "requests", "failed"),
        part("of it the build", "build"),
        part("of it the dump", "dump"),
        part("of it its proof", "proof"),
      ];
    });
  },
};

async function watched(url: string, work: () => Promise<void>): Promise<Omit<Update, keyof Parts>> {
  const watching = watch(url);
  await sleep(QUIET);
  const total = await secondsOf(work);
  await sleep(QUIET);
  return { ...(await watching.stop()), total };
}

/** What the newest switch says of its durations, and of the build before it. */
async function partsOf(bench: Bench): Promise<Parts> {
  const ledger = await ledgerOf(bench.server);
  const seconds = (kind: string, key: string): number => {
    const record = ledger.findLast((entry) => entry.kind === kind);
    const value = (record?.durations as Record<string, number> | undefined)?.[key];
    return (value ?? 0) / 1_000;
  };
  return {
    dump: seconds("switch", "dump"),
    proof: seconds("switch", "proof"),
    build: seconds("prepare", "build"),
  };
}

function told(update: Update | undefined): string {
  return `${update?.total.toFixed(1)} s, away ${update?.away.toFixed(2)} s`;
}
