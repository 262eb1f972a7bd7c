import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import { chatUrl, crashedServer, sampleRepository, servingChat } from "./support/fixture.ts";
import { holdJobsAt, jobAt, jobsAreClosed, killJob, letJobsRun } from "./support/job-control.ts";
import {
  COMMIT_LABEL,
  healthOf,
  runningSince,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { killAll, processTree } from "./support/processes.ts";
import { takeBack } from "./support/take-back.ts";

const UP = ["up", "--yes", "--non-interactive", "--skip-preview"];

describe("a job that is killed", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;
  let commits: Readonly<Record<string, string>>;
  /** The last job that was reverted: its release may only be tried again by this number. */
  let reverted: string;

  before(async () => {
    commits = (await sampleRepository()).tags;
    ({ demo, operator } = await servingChat("v1.0.0"));
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  afterEach(() => letJobsRun(demo));

  it("while it prepares goes on by itself and touches nothing; at J6 the old server stays", async () => {
    const served = await runningSince(demo);
    await holdJobsAt(demo, "J3");
    await operator.configure({ release: "v1.0.1" });
    const update = start(operator);
    await jobAt(demo, "J3");
    await holdJobsAt(demo, "J6");
    await killJob(demo);

    await jobAt(demo, "J6");
    expect(await runningSince(demo)).to.deep.equal(served);
    await letJobsRun(demo);
    await killJob(demo);
    await expectOldServer(await update);
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(prober.snapshot().failedRequests).to.equal(0);
  });

  it("at J1 begins again; at J8 the old server comes back", async () => {
    const served = await runningSince(demo);
    await holdJobsAt(demo, "J1");
    await operator.configure({ retry: reverted });
    const update = start(operator);
    await jobAt(demo, "J1");
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(prober.snapshot().failedRequests).to.equal(0);
    await holdJobsAt(demo, "J8");
    await killJob(demo);

    await jobAt(demo, "J8");
    expect(await releasesThatMayRestart(demo)).to.deep.equal([]);
    await letJobsRun(demo);
    await killJob(demo);
    await expectOldServer(await update);
  });

  for (const [test, step, what] of [
    [atNight, "J9", "with the new server started"],
    [it, "J10", "with the new server proven but not committed"],
  ] as const)
    test(`at ${step}, ${what}, brings the old server back`, async () => {
      await holdJobsAt(demo, step);
      await operator.configure({ retry: reverted });
      const update = start(operator);
      await jobAt(demo, step);
      expect((await theContainer(demo, SERVER)).labels[COMMIT_LABEL]).to.equal(commits["v1.0.1"]);
      expect(await releasesThatMayRestart(demo)).to.deep.equal([]);
      await letJobsRun(demo);
      await killJob(demo);
      await expectOldServer(await update);
    });

  it("at J11, once it is committed, never goes back", async () => {
    await holdJobsAt(demo, "J11");
    await operator.configure({ retry: reverted });
    const update = start(operator);
    await jobAt(demo, "J11");
    const served = await runningSince(demo);
    expect(await releasesThatMayRestart(demo)).to.deep.equal([]);
    await letJobsRun(demo);
    await killJob(demo);

    const run = await update;
    expect(run.exitCode, run.output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(await releasesThatMayRestart(demo)).to.deep.equal(["v1.0.1"]);
  });

  it("has lost no message", async () => {
    expect(await prober.missingMarkers()).to.deep.equal([]);
  });

  describe("by the end of the whole server", () => {
    let uncommitted: string;
    let startedAt: string;

    before(async () => {
      await holdJobsAt(demo, "J9");
      await operator.configure({ release: "v1.0.0" });
      const update = operator.start(...UP);
      await jobAt(demo, "J9");
      await letJobsRun(demo);
      ({ id: uncommitted, startedAt } = await theContainer(demo, SERVER));
      // Nobody is logged in who could take the job up.
      killAll(await processTree(update.pid ?? -1));
      await prober.stop();
      demo = await crashedServer();
      await jobsAreClosed(demo);
    });

    it("is taken up at boot: the old server serves", async () => {
      expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
      expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
      expect(await releasesThatMayRestart(demo)).to.deep.equal(["v1.0.1"]);
    });

    it("never lets Docker start the release that was not committed", async () => {
      const started = await shell(
        demo,
        'docker events --since 1h --until "$(date +%s)" --filter event=start --format "{{.Actor.ID}}"',
      );
      expect(started.split("\n")).not.to.contain(uncommitted).and.not.to.be.empty;
      expect((await theContainer(demo, SERVER)).startedAt > startedAt).to.equal(true);
    });

    it("has lost no message", async () => {
      expect(await prober.missingMarkers(chatUrl(demo))).to.deep.equal([]);
    });

    it("is told to the operator, who has to name the release again", async () => {
      await operator.must("cancel", "--yes");
      const run = await operator.preview();
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.match(/v1\.0\.0 was tried on .* interrupted at step J9/);
    });
  });

  function start(by: Operator): Promise<Run> {
    return by.pulumi(...UP);
  }

  /** The update ended as an error, v1.0.0 serves, and it alone comes back at boot. */
  async function expectOldServer(run: Run): Promise<void> {
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain("REVERTED v1.0.0");
    reverted = /pulumi config set retry (\d+)/.exec(run.output)?.[1] ?? "";
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.0");
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await releasesThatMayRestart(demo)).to.deep.equal(["v1.0.0"]);
  }

  /** The releases of all servers, running or not, that Docker would start at boot. */
  async function releasesThatMayRestart(on: DemoServer): Promise<(string | undefined)[]> {
    const format = `{{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "${COMMIT_LABEL}"}}`;
    const lines = await shell(
      on,
      `docker ps --all --quiet --filter label=com.docker.compose.service=chatalot |
         xargs --no-run-if-empty docker inspect --format "$1"`,
      format,
    );
    const restarting = lines.split("\n").filter((line) => !/^(no )|^$/.test(line));
    return restarting.map((line) => {
      const commit = line.split(" ")[1];
      return Object.keys(commits).find((tag) => commits[tag] === commit);
    });
  }
});
