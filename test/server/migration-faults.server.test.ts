import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import {
  holdJobsAt,
  jobAt,
  jobsAreClosed,
  killJob,
  letJobsRun,
  UNIT,
} from "./support/job-control.ts";
import {
  appliedMigrations,
  DATABASE,
  healthOf,
  ledgerOf,
  query,
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

const BEFORE = [1, 2, 3, 4];

/** Three migrations, of which the second changes every message and the third takes 20 seconds. */
const SLOW = "v1.1.1-slow-migration";

/** Migrates, and then takes more memory than its container may have. */
const HUNGRY = "v1.1.1-memory-hungry";

describe("a release that has begun to migrate", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;
  let url: string;
  let jobThatWaits: number;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.1.0" });
    await operator.must(...UP);
    prober = startProber({ baseUrl: url });
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("is taken back when it runs out of memory, which is named", async () => {
    await operator.configure({ release: HUNGRY });
    const run = await operator.up("--skip-preview");
    expect(run.output).to.match(/want of memory/);
    await expectReverted(run);
  });

  it("is taken back where its database can't run by what the override has become", async () => {
    await allowAnotherTry(HUNGRY);
    const override = `${DIRECTORY}/docker-compose.override.yml`;
    const command = '["-c", "shared_preload_libraries=nonsense"]';
    const text = `services:\n  postgres:\n    command: ${command}\n`;
    await shell(demo, 'printf %s "$2" > "$1"', override, text);
    try {
      const { exitCode, output } = await operator.up("--skip-preview");
      expect(exitCode, output).not.to.equal(0);
      expect(output).to.contain("REVERTED v1.1.0").and.to.contain("nonsense");
    } finally {
      await shell(demo, 'rm -f "$1"', override);
    }
    const given = await shell(demo, `docker inspect --format '{{json .Config.Cmd}}' ${DATABASE}`);
    expect(given).not.to.contain("nonsense");
    await expectServing();
  });

  it("is taken back by the unit alone when its job is killed between two migrations", async () => {
    await operator.configure({ release: SLOW });
    const update = operator.start(...UP);
    await theSlowMigrationRuns();
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("no");
    // Nobody is logged in, and the dump is no use any more: the revert point is what counts.
    killAll(await processTree(update.pid ?? -1));
    await shell(demo, `for dump in ${DIRECTORY}/backups/*/database.dump; do : > "$dump"; done`);
    await killJob(demo);
    await shell(demo, `docker unpause ${SERVER}`);
    await jobsAreClosed(demo);

    await operator.must("cancel", "--yes");
    await expectReverted();
  });

  it("is taken back when its job is killed before it was started", async () => {
    for (const step of ["J7", "J8"]) {
      await allowAnotherTry(SLOW);
      await holdJobsAt(demo, step);
      const update = operator.up("--skip-preview");
      await jobAt(demo, step);
      expect(await policyOfServer()).to.equal("no");
      const oid = await databaseOid();
      await letJobsRun(demo);
      await killJob(demo);
      const { exitCode, output } = await update;
      expect(exitCode, output).not.to.equal(0);
      // Nothing had migrated: the database is the very same.
      expect(await databaseOid()).to.deep.equal(oid);
      await expectServing();
    }
  });

  for (const steps of [
    ["R1", "R2"],
    ["R3", "R3"],
  ] as const)
    atNight(
      `is taken back also when that is killed at ${steps.join(" and again at ")}`,
      async () => {
        await allowAnotherTry(HUNGRY);
        await holdJobsAt(demo, steps[0]);
        const update = operator.up("--skip-preview");
        await jobAt(demo, steps[0]);
        expect(await policyOfServer()).to.equal("no");
        await holdJobsAt(demo, steps[1]);
        await killJob(demo);
        await attemptIsAt(steps[1], steps[0] === steps[1] ? 2 : 1);
        // As a kill leaves it that comes while R2 has closed the database and has not exchanged the names yet.
        if (steps[1] === "R2") await closeDatabase();
        await letJobsRun(demo);
        await killJob(demo);
        await expectReverted(await update);
      },
    );

  it("waits for a person when that is killed three times, and nothing is deleted", async () => {
    await allowAnotherTry(HUNGRY);
    await holdJobsAt(demo, "R1");
    const update = operator.up("--skip-preview");
    await jobAt(demo, "R1");
    for (const next of [2, 3]) {
      await killJob(demo);
      await attemptIsAt("R1", next);
    }
    await letJobsRun(demo);
    await killJob(demo);
    const { exitCode, output } = await update;

    const sequence = (await ledgerOf(demo)).at(-1)?.sequence ?? 0;
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("NEEDS YOU").and.to.contain("npx chatalot resolve");
    expect(await policyOfServer()).to.equal("no");
    expect(await databases()).to.include.members(["chatalot", `chatalot_before_${sequence}`]);

    const before = [await databases(), await shell(demo, `ls ${DIRECTORY}/backups`)];
    for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.contain("npx chatalot resolve");
    }
    expect([await databases(), await shell(demo, `ls ${DIRECTORY}/backups`)]).to.deep.equal(before);

    jobThatWaits = sequence;
  });

  it("is taken back by hand from its revert point, as docs/recovery.md says", async () => {
    await shell(
      demo,
      `docker exec ${DATABASE} pg_dump -U chatalot -Fc "chatalot_before_$1" > /root/chatalot.dump
       docker stop ${SERVER}
       docker exec ${DATABASE} psql -U chatalot -v ON_ERROR_STOP=1 \
         -c 'DROP SCHEMA public CASCADE' \
         -c 'CREATE SCHEMA public AUTHORIZATION pg_database_owner' \
         -c 'GRANT USAGE ON SCHEMA public TO PUBLIC'
       docker exec -i ${DATABASE} pg_restore -U chatalot -d chatalot --exit-on-error < /root/chatalot.dump
       rm /root/chatalot.dump ${DIRECTORY}/.deploy/needs-operator`,
      String(jobThatWaits),
    );
    await operator.configure({ release: "v1.1.0" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    await expectServing();
  });

  /** Stops job and server when the second migration is committed and the third runs, as the database says. */
  async function theSlowMigrationRuns(): Promise<void> {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep.20' AND state = 'active' AND pid <> pg_backend_pid()`;
    // Neither goes on meanwhile, however long the looks take: the job commits nothing, the server no migration.
    const script = `for try in $(seq 1200); do
        if docker exec ${DATABASE} psql -U chatalot -d chatalot -Atc "$1" 2>/dev/null | grep -q 1
        then docker pause ${SERVER}; systemctl kill --signal=SIGSTOP ${UNIT}; exit 0; fi; sleep 0.1; done
      echo "the third migration never ran" >&2; exit 1`;
    await demo.exec(["sh", "-uc", script, "sh", sql], { timeout: 580_000 });
    expect(await appliedMigrations(demo)).to.deep.equal([...BEFORE, 5, 6]);
  }

  async function closeDatabase(): Promise<void> {
    await shell(
      demo,
      'docker exec "$1" psql -U chatalot -d postgres -v ON_ERROR_STOP=1 -c "$2"',
      ...[DATABASE, "ALTER DATABASE chatalot ALLOW_CONNECTIONS false"],
    );
  }

  /** Resolves when the journal has as many beginnings of a step, and its newest attempt holds there. */
  async function attemptIsAt(step: string, times: number): Promise<void> {
    const script = `for try in $(seq 9000); do
        newest=$(ls -d ${DIRECTORY}/.deploy/jobs/*/ | tail -n 1)
        tail=$(tail -n 1 "$newest/journal"); count=$(grep -cF "$1" "$newest/journal")
        case $tail in *"$1"*) if test "$count" -ge "$2"; then exit 0; fi;; esac
        sleep 0.05; done
      echo "no attempt came to $1: $tail" >&2; exit 1`;
    const record = `"type":"begun","step":"${step}"`;
    const wanted = String(times);
    await demo.exec(["sh", "-uc", script, "sh", record, wanted], { timeout: 580_000 });
  }

  /** A release that was reverted is tried again only when that is asked for by the job's number. */
  async function allowAnotherTry(of: string): Promise<void> {
    const last = (await ledgerOf(demo)).findLast(({ release }) => release?.name === of);
    await operator.configure({ release: of, retry: String(last?.sequence) });
  }

  async function policyOfServer(): Promise<string> {
    return (await theContainer(demo, SERVER)).restartPolicy;
  }

  async function databases(): Promise<string[]> {
    const rows = await query(demo, "SELECT datname FROM pg_database WHERE datname ~ '^chatalot'");
    return rows.sort();
  }

  async function databaseOid(): Promise<string[]> {
    return query(demo, "SELECT oid FROM pg_database WHERE datname = 'chatalot'");
  }

  /** The old database under its name, with all that was acknowledged; the failed one beside it. */
  async function expectReverted(run?: Run): Promise<void> {
    if (run !== undefined) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.contain("REVERTED v1.1.0");
    }
    const { sequence, outcome } = (await ledgerOf(demo)).at(-1) ?? {};
    expect(outcome).to.equal("reverted");
    expect(await databases()).to.deep.equal(["chatalot", `chatalot_failed_${sequence}`]);
    await expectServing();
  }

  async function expectServing(): Promise<void> {
    expect(await webVersion(url)).to.equal("1.1.0");
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await appliedMigrations(demo)).to.deep.equal(BEFORE);
    expect(await policyOfServer()).to.equal("unless-stopped");
    expect(Object.keys(await runningSince(demo))).to.have.length(2);
    expect(await shell(demo, "docker ps --all --quiet | wc -l")).to.equal("2");
    expect(await prober.missingMarkers()).to.deep.equal([]);
  }
});
