import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { startProber } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import {
  chatUrl,
  cleanServer,
  DIRECTORY,
  operatorOf,
  sampleRepository,
} from "./support/fixture.ts";
import {
  appliedMigrations,
  COMMIT_LABEL,
  DATABASE,
  healthOf,
  ledgerOf,
  numberOfJobs,
  query,
  runningSince,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

/** The release that all the bad ones are made from. */
const GOOD = "v1.0.1";

/** Some that start and don't become healthy, and how the cause is worded; `bad-releases.nightly` has them all. */
const BAD: { tag: string; cause: RegExp; timeout?: string }[] = [
  { tag: "v1.0.2-never-listens", cause: /not healthy after 10 s: nothing listens yet/ },
  { tag: "v1.0.2-degraded", cause: /its status is "degraded"/ },
  // It ends by itself; the limit must not come first.
  {
    tag: "v1.0.2-crashes-after-listening",
    cause: /it ended .*with exit code 101/,
    timeout: "30 seconds",
  },
];
/** Longer than the time after which the crashing release crashes. */
const STAYS_GOOD_FOR = "4 seconds";

/** The last of them, with which the tests go on. */
const CRASHING = "v1.0.2-crashes-after-listening";

describe("a release that fails", () => {
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  let tags: Readonly<Record<string, string>>;
  let database: { id: string; startedAt: string };

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    tags = (await sampleRepository()).tags;
    operator = await operatorOf(demo);
    await operator.configure({
      release: GOOD,
      "health.timeout": "30 seconds",
      "health.mustStayGoodFor": STAYS_GOOD_FOR,
    });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    database = await theContainer(demo, DATABASE);
  });
  after(() => operator?.leave());

  for (const { tag, cause, timeout = "10 seconds" } of BAD)
    it(`is reverted, told as a failure, and costs no message: ${tag}`, async () => {
      await operator.configure({ release: tag, "health.timeout": timeout });
      const prober = startProber({ baseUrl: url });

      const { exitCode, output } = await operator.up("--skip-preview");

      const seen = await prober.stop();
      expect(exitCode, output).to.not.equal(0);
      expect(output).to.match(
        new RegExp(`REVERTED ${GOOD} \\([0-9a-f]{7}\\) serves again, healthy`),
      );
      expect(output).to.match(cause);
      expect(output).to.not.contain(`DONE ${tag}`);
      expect(output).to.contain(`pulumi config set retry ${await lastJob("reverted")}`);
      await expectGoodReleaseToServe();
      expect(seen.acknowledgedMarkers).to.not.be.empty;
      const rows = await query(demo, "SELECT text FROM messages");
      expect(rows).to.include.members([...seen.acknowledgedMarkers]);
      expect(await prober.missingMarkers()).to.deep.equal([]);
    });

  it("is refused from then on, in preview and up, with the command for another try", async () => {
    const jobs = await numberOfJobs(demo);
    const running = await runningSince(demo);
    const last = await lastJob("reverted");
    for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
      expect(run.exitCode, run.output).to.not.equal(0);
      expect(run.output).to.contain(`${CRASHING} was tried on`).and.to.contain("exit code 101");
      expect(run.output).to.contain(`pulumi config set retry ${last}`);
    }
    expect(await numberOfJobs(demo)).to.equal(jobs);
    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await operator.outputs()).to.include({ release: GOOD, commit: tags[GOOD] });
  });

  atNight("may be tried once more for each time that this is asked for", async () => {
    const first = await lastJob("reverted");
    await operator.configure({ retry: first });

    const again = await operator.up("--skip-preview");

    expect(again.exitCode, again.output).to.not.equal(0);
    const second = await lastJob("reverted");
    expect(second).to.be.greaterThan(first);
    expect(again.output).to.contain(`REVERTED ${GOOD}`);
    expect(again.output).to.contain(`pulumi config set retry ${second}`);
    await expectGoodReleaseToServe();

    const preview = await operator.preview();
    expect(preview.exitCode, preview.output).to.not.equal(0);
    expect(preview.output).to.contain(`pulumi config set retry ${second}`);
  });

  it("is not even started when its image can't be built", async () => {
    const running = await runningSince(demo);
    await operator.configure({ release: "v1.0.2-build-breaks" });
    const prober = startProber({ baseUrl: url });

    const { exitCode, output } = await operator.up("--skip-preview");

    const seen = await prober.stop();
    expect(exitCode, output).to.not.equal(0);
    expect(output).to.match(
      /UNTOUCHED v1\.0\.2-build-breaks .* was not prepared; v1\.0\.1 .* serves/,
    );
    expect(output).to.contain("could not compile chatalot-server");
    expect(seen.failedRequests).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(running);
    await expectGoodReleaseToServe();
  });

  for (const { tag, named } of [
    { tag: "v1.0.2-edited-migration", named: "2 messages" },
    { tag: "v1.0.2-renumbered-migration", named: "3 files" },
  ])
    it(`is refused in the preview when it doesn't fit the database: ${tag}`, async () => {
      const jobs = await numberOfJobs(demo);
      await operator.configure({ release: tag });

      const { exitCode, output } = await operator.preview();

      expect(exitCode, output).to.not.equal(0);
      expect(output).to.contain(`${tag} can't start on this database`).and.to.contain(named);
      expect(await numberOfJobs(demo)).to.equal(jobs);
      expect(await shell(demo, `ls ${DIRECTORY}/trees`)).to.not.contain(tags[tag]);
    });

  it("does not stand in the way of another release", async () => {
    await operator.configure({ release: "v1.1.0" });
    const { exitCode, output } = await operator.up();
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE v1.1.0");
    expect(await webVersion(url)).to.equal("1.1.0");
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
  });

  it("is refused in the preview when it is older than the database, with what it doesn't know", async () => {
    const [running, jobs] = [await runningSince(demo), await numberOfJobs(demo)];
    await operator.configure({ release: GOOD });
    for (const { exitCode, output } of [
      await operator.preview(),
      await operator.up("--skip-preview"),
    ]) {
      expect(exitCode, output).to.not.equal(0);
      expect(output)
        .to.contain(`${GOOD} can't start on this database`)
        .and.to.contain("4 message edits");
    }
    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await numberOfJobs(demo)).to.equal(jobs);
  });

  async function expectGoodReleaseToServe(): Promise<void> {
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await webVersion(url)).to.equal("1.0.1");
    const server = await theContainer(demo, SERVER);
    expect(server.labels[COMMIT_LABEL]).to.equal(tags[GOOD]);
    expect(server.restartPolicy).to.equal("unless-stopped");
    const { id, startedAt } = await theContainer(demo, DATABASE);
    expect({ id, startedAt }).to.deep.equal({ id: database.id, startedAt: database.startedAt });
  }

  /** The number of the newest job, which must have ended so. */
  async function lastJob(outcome: string): Promise<number> {
    const last = (await ledgerOf(demo)).at(-1);
    expect(last).to.include({ outcome });
    return last?.sequence ?? 0;
  }
});

describe("a first deployment that fails", () => {
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    await operator.configure({
      "health.timeout": "30 seconds",
      "health.mustStayGoodFor": STAYS_GOOD_FOR,
    });
  });
  after(() => operator?.leave());

  it("leaves nothing running that was not proven, and says so", async () => {
    await operator.configure({ release: CRASHING });

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.not.equal(0);
    expect(output)
      .to.contain(`STOPPED ${CRASHING}`)
      .and.to.match(/Cause: it ended .*exit code 101/);
    expect(output).to.not.contain("REVERTED").and.to.not.contain(`DONE ${CRASHING}`);
    const server = await theContainer(demo, SERVER);
    expect(server.running).to.equal(false);
    expect(server.restartPolicy).to.equal("no");
  });

  it("leaves the way free for a release that works", async () => {
    await operator.configure({ release: GOOD });

    const { exitCode, output } = await operator.up();

    expect(exitCode, output).to.equal(0);
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");
  });
});
