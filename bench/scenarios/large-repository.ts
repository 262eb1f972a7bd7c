import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LARGE_RELEASE, makeLargeRepository } from "../large-repository.ts";
import { type Scenario, secondsOf } from "../scenario.ts";
import { ComparedStack } from "../stacks/compared-stack.ts";

const PREVIEW = ["preview", "--non-interactive"] as const;

/** A preview that has much to read. */
export const largeRepository: Scenario = {
  name: "large-repository",
  title: "A large repository",
  method:
    "`pulumi preview` of an update over 5,000 commits and 500 migrations, beside that of an empty " +
    "program. The first preview, which copies the repository, is not counted.",
  runs: 7,

  async measure(bench, runs) {
    const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-bench-large-"));
    const ours = await bench.ours("v1.0.0");
    const empty = await ComparedStack.empty();
    try {
      await makeLargeRepository(folder, bench.repository);
      await ours.configure({ repository: folder, release: LARGE_RELEASE });
      const samples = { ours: [] as number[], empty: [] as number[] };
      for (let run = 0; run <= runs; run += 1) {
        const own = await secondsOf(() => ours.must(...PREVIEW));
        const baseline = await secondsOf(() => empty.run(...PREVIEW));
        if (run === 0) continue;
        samples.ours.push(own);
        samples.empty.push(baseline);
        bench.report(`${run}/${runs}: ${own.toFixed(2)} s, empty ${baseline.toFixed(2)} s`);
      }
      return [
        {
          name: "`pulumi preview` of 5,000 commits and 500 migrations",
          unit: "s" as const,
          ours: samples.ours,
          baseline: { name: "empty program", samples: samples.empty },
          atMost: { ratio: 2 },
        },
      ];
    } finally {
      await ours.configure({ repository: bench.repository.directory, release: "v1.0.0" });
      await empty.remove();
      await rm(folder, { recursive: true, force: true });
    }
  },
};
