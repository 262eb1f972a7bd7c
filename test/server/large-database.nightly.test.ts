import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, DIRECTORY, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import {
  appliedMigrations,
  healthOf,
  ledgerOf,
  query,
  runningSince,
  shell,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const GIGABYTE = 1024 ** 3;

/** The most that the database's own way back may take, in milliseconds, however large it is. */
const WAY_BACK = 5_000;

describe("a failing update of a database of one gigabyte", function () {
  this.timeout(900_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.2.0", { "health.migrationTimeout": "10 minutes" }));
    await query(demo, "CREATE TABLE history (id BIGINT PRIMARY KEY, text TEXT NOT NULL)");
    // In parts, so that none takes longer than a question may.
    for (let part = 0; (await databaseSize()) < GIGABYTE; part += 1)
      await query(
        demo,
        `INSERT INTO history SELECT i, (SELECT string_agg(md5(i::text || j), '') FROM generate_series(1, 60) AS j)
         FROM generate_series(${part * 50_000} + 1, ${(part + 1) * 50_000}) AS i`,
      );
    await query(demo, "CHECKPOINT");
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("leaves the database's files as they are when it has no migrations", async () => {
    const files = await databaseFiles();
    const rows = await query(demo, "SELECT count(*) FROM history");
    await operator.configure({ release: "v1.2.1-never-listens" });
    const run = await operator.up("--skip-preview");
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output.includes("REVERTED v1.2.0"), run.output).to.equal(true);
    expect(await databaseFiles()).to.deep.equal(files);
    expect(await query(demo, "SELECT count(*) FROM history")).to.deep.equal(rows);
    expect(await webVersion(chatUrl(demo))).to.equal("1.2.0");
    expect(await prober.missingMarkers()).to.deep.equal([]);
  });

  it("takes it back in less than 5 seconds when it has some, with every row", async () => {
    const size = await databaseSize();
    const digest = await contentDigest();
    await operator.configure({ release: "v1.2.1-migration-fails-third-of-five" });
    const run = await operator.up("--skip-preview");
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output.includes("REVERTED v1.2.0"), run.output).to.equal(true);

    const steps = await stepTimes();
    const outside = prober.snapshot().gaps.at(-1)?.milliseconds;
    const { durations } = (await ledgerOf(demo)).at(-1) ?? {};
    console.log(
      `      ${(size / GIGABYTE).toFixed(2)} GB: stopped for the copy (J7) ${seconds(steps.J7)}, ` +
        `database back (R2) ${seconds(steps.R2)}, old server healthy (R3) ${seconds(steps.R3)}; ` +
        `away ${seconds(outside)} as the prober saw it, ${seconds(durations?.downtime)} by the ledger`,
    );
    expect(steps.R2).to.be.lessThan(WAY_BACK);
    expect(await contentDigest()).to.deep.equal(digest);
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await webVersion(chatUrl(demo))).to.equal("1.2.0");
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(Object.keys(await runningSince(demo))).to.have.length(2);
    expect(await prober.missingMarkers()).to.deep.equal([]);
  });

  async function databaseSize(): Promise<number> {
    const [size = "0"] = await query(demo, "SELECT pg_database_size(current_database())");
    return Number(size);
  }

  /** The database's number, and for each table and index the file that holds it. */
  async function databaseFiles(): Promise<string[]> {
    return query(
      demo,
      `SELECT 'database ' || oid FROM pg_database WHERE datname = current_database()
       UNION ALL SELECT relname || ' ' || pg_relation_filenode(oid) FROM pg_class
       WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    );
  }

  /** Of all rows, whatever their order on the disk. */
  async function contentDigest(): Promise<string[]> {
    return query(
      demo,
      `SELECT count(*), sum(hashtextextended(id || text, 0)::numeric) FROM history`,
    );
  }

  /** How long each step of the newest job took by its journal, in milliseconds. */
  async function stepTimes(): Promise<Record<string, number>> {
    const text = await shell(
      demo,
      `cat "$(ls -d ${DIRECTORY}/.deploy/jobs/*/ | tail -n 1)journal"`,
    );
    const begun = new Map<string, number>();
    const times: Record<string, number> = {};
    for (const line of text.split("\n")) {
      const record = JSON.parse(line.slice(line.indexOf("{"))) as Record<string, string>;
      const { type, step = "", at = "" } = record;
      if (type === "begun") begun.set(step, Date.parse(at));
      if (type === "done") times[step] = Date.parse(at) - (begun.get(step) ?? NaN);
    }
    return times;
  }
});

function seconds(milliseconds = NaN): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}
