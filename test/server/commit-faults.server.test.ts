import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, readMessages, startProber, writeMarker } from "../support/prober.ts";
import { chatUrl, crashedServer, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { holdJobsAt, jobAt, jobsAreClosed, killJob, letJobsRun } from "./support/job-control.ts";
import {
  appliedMigrations,
  COMMIT_LABEL,
  healthOf,
  ledgerOf,
  runningSince,
  SERVER,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { killAll, processTree } from "./support/processes.ts";
import { takeBack } from "./support/take-back.ts";

const BEFORE = [1, 2, 3, 4];

describe("a release with a migration that takes longer than a server may take to be healthy", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;
  let served: Record<string, string>;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.1.0"));
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("is waited for and committed", async () => {
    // The third of its migrations sleeps for 20 seconds.
    await operator.configure({ release: "v1.1.1-slow-migration", "health.timeout": "10 seconds" });
    await holdJobsAt(demo, "J11");
    const update = operator.start("up", "--yes", "--non-interactive", "--skip-preview");
    await jobAt(demo, "J11");
    expect(await appliedMigrations(demo)).to.deep.equal([...BEFORE, 5, 6, 7]);
    served = await runningSince(demo);
    // From here on nobody is logged in.
    killAll(await processTree(update.pid ?? -1));
  });

  it("keeps everybody out while its job is killed before the door opens", async () => {
    await killJob(demo);
    await jobAt(demo, "J11");
    expect(await runningSince(demo)).to.deep.equal(served);
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("no");
    expect(await writeMarker(chatUrl(demo), "too early")).to.equal(false);
  });

  it("serves after the whole server ended there, with its door open and no message lost", async () => {
    const commit = (await theContainer(demo, SERVER)).labels[COMMIT_LABEL];
    await letJobsRun(demo);
    await prober.stop();
    demo = await crashedServer();
    await jobsAreClosed(demo);

    const url = chatUrl(demo);
    expect(await webVersion(url)).to.equal("1.1.1");
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await writeMarker(url, "let in")).to.equal(true);
    const server = await theContainer(demo, SERVER);
    expect(server.labels[COMMIT_LABEL]).to.equal(commit);
    expect(server.restartPolicy).to.equal("unless-stopped");
    expect(await appliedMigrations(demo)).to.deep.equal([...BEFORE, 5, 6, 7]);
    expect((await ledgerOf(demo)).at(-1)?.outcome).to.equal("done");
    // Its second migration writes every message in capitals.
    const missing = await missingInCapitals(url);
    expect(missing).to.deep.equal([]);
  });

  async function missingInCapitals(url: string): Promise<string[]> {
    const stored = new Set((await readMessages(url)).map((text) => text.toUpperCase()));
    const { acknowledgedMarkers } = prober.snapshot();
    expect(acknowledgedMarkers).not.to.deep.equal([]);
    return acknowledgedMarkers.filter((text) => !stored.has(text.toUpperCase()));
  }
});
