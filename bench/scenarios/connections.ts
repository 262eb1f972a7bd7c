import {
  connectionsDuring,
  forgetConnections,
  noteConnections,
} from "../../test/server/support/connections.ts";
import type { Figure } from "../figure.ts";
import type { Scenario } from "../scenario.ts";

const RELEASES = ["v1.0.0", "v1.0.1"] as const;

/** How often a server is logged in to. */
export const connections: Scenario = {
  name: "connections",
  title: "SSH connections",
  method:
    "Noted by the server's sshd, without those of the docker plugin, which makes one for each of its " +
    "commands. A `pulumi up` starts the provider twice, for the preview and for the update. Beside the " +
    "update: the page's procedure, which copies the release's files and runs `docker compose up`.",
  runs: 3,

  async measure(bench, runs) {
    const ours = await bench.ours("v1.0.0");
    await bench.thePage("v1.0.0");
    await noteConnections(bench.server);
    const count = async (work: () => Promise<unknown>): Promise<number> =>
      (await connectionsDuring(bench.server, work)).ours.length;
    const samples = { preview: [], up: [], update: [], page: [] } as Record<string, number[]>;
    try {
      for (let run = 1; run <= runs; run += 1) {
        const release = RELEASES[run % RELEASES.length] ?? RELEASES[0];
        samples.preview?.push(await count(() => ours.must("preview", "--non-interactive")));
        samples.up?.push(await count(() => bench.up(ours)));
        samples.update?.push(await count(() => bench.update(ours, release)));
        samples.page?.push(await count(async () => (await bench.thePage(release)).release));
        bench.report(`connections ${run}/${runs}`);
      }
    } finally {
      await forgetConnections(bench.server);
    }
    const figure = (name: string, key: string, value: number): Figure => ({
      name,
      unit: "connections",
      ours: samples[key] ?? [],
      atMost: { value },
    });
    return [
      figure("`pulumi preview`", "preview", 1),
      figure("`pulumi up` with nothing to do", "up", 2),
      {
        ...figure("`pulumi up` to another release", "update", 2),
        baseline: { name: "the page's procedure", samples: samples.page ?? [] },
      },
    ];
  },
};
