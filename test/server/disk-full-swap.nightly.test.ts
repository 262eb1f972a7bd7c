import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, clean, DIRECTORY, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import {
  appliedMigrations,
  DATABASE,
  healthOf,
  ledgerOf,
  query,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import {
  fill,
  freeAgain,
  keepFull,
  mountSmallDisk,
  unmountSmallDisk,
} from "./support/small-disk.ts";
import { takeBack } from "./support/take-back.ts";

const STATE = `${DIRECTORY}/.deploy`;
const DATA = "/var/lib/docker/volumes/chatalot_postgres_data/_data";

/** Its second migration writes 2 GB of the database's log. */
const MUCH_LOG = "v1.1.1-writes-much-log";
const SLOW = "v1.1.1-slow-migration";

describe("an update with migrations that runs out of disk in the swap", function () {
  this.timeout(900_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.1.0"));
    await mountSmallDisk(demo, STATE, "size=64m");
    await shell(demo, `docker stop ${SERVER} ${DATABASE}`);
    await mountSmallDisk(demo, DATA, "size=2500m");
    await shell(demo, `docker start ${DATABASE} && docker start ${SERVER}`);
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => demo && freeAgain(demo, STATE),
      () => demo && freeAgain(demo, DATA),
      () => prober?.stop(),
      () => demo && shell(demo, "docker ps --quiet | xargs --no-run-if-empty docker rm --force"),
      () => demo && unmountSmallDisk(demo, STATE),
      () => demo && unmountSmallDisk(demo, DATA),
      () => demo && clean(demo),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("is taken back when its records find no room, out of the reserve", async () => {
    await operator.configure({ release: SLOW });
    const update = operator.up("--skip-preview");
    await during(update, migrationIsApplied(6));
    await fill(demo, STATE);
    const ballast = await shell(demo, `stat -c %s ${STATE}/ballast`);
    await shell(demo, `docker kill ${SERVER}`);
    const run = await update;
    expect(await shell(demo, `stat -c %s ${STATE}/ballast`)).to.equal(ballast);
    expect(await shell(demo, `ls ${STATE}`)).not.to.match(/^reserve$/m);
    expect((await ledgerOf(demo)).at(-1)?.cause).to.contain("exit code 137");
    await freeAgain(demo, STATE);
    await expectReverted(run);
  });

  it("is taken back when the database's disk is full, as soon as it has room again", async () => {
    const { update } = await updateOntoFullDisk();
    await during(update, stepHasBegun("R2"));
    await expectDatabaseIsAway();
    await freeAgain(demo, DATA);
    await expectReverted(await update);
  });

  it("waits for a person when it stays full, with numbers, and is taken back afterwards", async () => {
    const last = (await ledgerOf(demo)).at(-1);
    await operator.configure({ retry: String(last?.sequence) });
    const { update } = await updateOntoFullDisk();
    const run = await update;
    await expectDatabaseIsAway();
    const databaseFiles = await shell(demo, `ls ${DATA}/base | wc -l`);
    await freeAgain(demo, DATA);
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain("NEEDS YOU").and.to.contain("npx chatalot resolve");
    expect(run.output).to.match(/Free now: [^\n]*0(\.0)? MB[^\n]* on \/var\/lib\/docker\/volumes/);
    expect(Number(databaseFiles)).to.be.greaterThan(4);

    await shell(
      demo,
      `for try in $(seq 600); do
         if docker exec ${DATABASE} pg_isready --quiet; then exit 0; fi; sleep 0.2; done; exit 1`,
    );
    const resolved = await operator.chatalot("resolve", "--take-back", "--yes");
    expect(resolved.exitCode, resolved.output).to.equal(0);
    await expectReverted();
  });

  /** The first migration is committed; in the second the disk gets full, and stays so. */
  async function updateOntoFullDisk(): Promise<{ update: Promise<Run> }> {
    await operator.configure({ release: MUCH_LOG });
    const update = operator.up("--skip-preview");
    await during(update, migrationIsApplied(5));
    await keepFull(demo, DATA);
    return { update };
  }

  /** Waits for something that happens in an update, and no longer than that lasts. */
  async function during(update: Promise<Run>, wanted: Promise<void>): Promise<void> {
    const ended = update.then(({ output }) => {
      throw new Error(`the update ended before that:\n${output}`);
    });
    await Promise.race([wanted, ended]);
  }

  async function stepHasBegun(step: string): Promise<void> {
    const script = `for try in $(seq 1200); do
        newest=$(ls -d ${STATE}/jobs/*/ | tail -n 1)
        if grep -qF "$1" "$newest/journal"; then exit 0; fi; sleep 0.2; done; exit 1`;
    const record = `"type":"begun","step":"${step}"`;
    await demo.exec(["sh", "-uc", script, "sh", record], { timeout: 400_000 });
  }

  async function migrationIsApplied(version: number): Promise<void> {
    const script = `for try in $(seq 1200); do
        if docker exec ${DATABASE} psql -U chatalot -d chatalot -Atc "$1" 2>/dev/null | grep -q 1
        then exit 0; fi; sleep 0.2; done; exit 1`;
    const sql = `SELECT 1 FROM _sqlx_migrations WHERE version = ${version}`;
    await demo.exec(["sh", "-uc", script, "sh", sql], { timeout: 400_000 });
  }

  async function expectDatabaseIsAway(): Promise<void> {
    const ready = `docker exec ${DATABASE} pg_isready --quiet >/dev/null 2>&1`;
    expect(await shell(demo, `if ${ready}; then echo ready; else echo away; fi`)).to.equal("away");
    const log = await shell(demo, `docker logs --tail 200 ${DATABASE} 2>&1`);
    expect(log).to.contain("No space left on device");
  }

  async function expectReverted(run?: Run): Promise<void> {
    if (run !== undefined) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.contain("REVERTED v1.1.0");
    }
    const { sequence, outcome } = (await ledgerOf(demo)).at(-1) ?? {};
    expect(outcome).to.equal("reverted");
    const names = await query(demo, "SELECT datname FROM pg_database WHERE datname ~ '^chatalot'");
    expect(names.sort()).to.deep.equal(["chatalot", `chatalot_failed_${sequence}`]);
    expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");
    expect(await prober.missingMarkers()).to.deep.equal([]);
  }
});
