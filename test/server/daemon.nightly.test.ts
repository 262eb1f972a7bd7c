import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { holdJobsAt, jobAt, killJob, letJobsRun } from "./support/job-control.ts";
import {
  appliedMigrations,
  DATABASE,
  healthOf,
  ledgerOf,
  shell,
  theContainer,
  SERVER,
  webVersion,
} from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const BEFORE = [1, 2, 3, 4];
const SLOW = "v1.1.1-slow-migration";
const HUNGRY = "v1.1.1-memory-hungry";

describe("an update with migrations whose Docker daemon is restarted", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;

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

  it("between two migrations (J8) ends with the old release on its old database", async () => {
    await operator.configure({ release: SLOW });
    const update = operator.up("--skip-preview");
    await migrationIsApplied(6);
    await restartDaemon();
    await expectReverted(await update);
  });

  for (const step of ["J7", "J8", "R1", "R2", "R3"])
    it(`when it had come to ${step} ends with the old release on its old database`, async () => {
      const last = (await ledgerOf(demo)).findLast(({ release }) => release?.name === HUNGRY);
      await operator.configure({ release: HUNGRY });
      if (last !== undefined) await operator.configure({ retry: last.sequence });
      await holdJobsAt(demo, step);
      const update = operator.up("--skip-preview");
      await jobAt(demo, step);
      await letJobsRun(demo);
      await restartDaemon();
      await killJob(demo);
      await expectReverted(await update);
    });

  async function restartDaemon(): Promise<void> {
    await shell(demo, "systemctl restart docker");
  }

  async function migrationIsApplied(version: number): Promise<void> {
    const script = `for try in $(seq 1200); do
        if docker exec ${DATABASE} psql -U chatalot -d chatalot -Atc "$1" | grep -q 1
        then exit 0; fi; sleep 0.2; done; exit 1`;
    const sql = `SELECT 1 FROM _sqlx_migrations WHERE version = ${version}`;
    await demo.exec(["sh", "-uc", script, "sh", sql], { timeout: 400_000 });
  }

  async function expectReverted(run: Run): Promise<void> {
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain("REVERTED v1.1.0");
    expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await appliedMigrations(demo)).to.deep.equal(BEFORE);
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");
    // None that Compose left under a temporary name.
    const names = await shell(demo, "docker ps --all --format '{{.Names}}' | sort");
    expect(names.split("\n")).to.deep.equal([DATABASE, SERVER]);
    expect(await prober.missingMarkers()).to.deep.equal([]);
  }
});
