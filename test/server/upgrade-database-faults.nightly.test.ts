import { join } from "node:path";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, readMessages, startProber, writeMarker } from "../support/prober.ts";
import { chatUrl, clean, DIRECTORY, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { jobAt, jobsAreClosed, killJob } from "./support/job-control.ts";
import { DATABASE, healthOf, ledgerOf, query, runningSince, shell } from "./support/looks.ts";
import {
  databaseMounts,
  databaseVolumes,
  loadNewerPostgres,
  makeNewerPostgres,
  NEWER,
} from "./support/newer-postgres.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const FIRST_VOLUME = "chatalot_postgres_data";

/** It makes a new folder of data, and never starts on one that is there. */
const STARTS_NO_MORE = [
  `RUN printf '#!/bin/bash\\nif [ -s "$PGDATA/PG_VERSION" ] && [ "$(id -u)" = 0 ]; then echo "FATAL: it is broken" >&2; exit 1; fi\\nexec docker-entrypoint.sh "$@"\\n' > /usr/local/bin/broken.sh && chmod 755 /usr/local/bin/broken.sh`,
  'ENTRYPOINT ["/usr/local/bin/broken.sh"]',
  'CMD ["postgres"]',
];

describe("an upgrade of the database that goes wrong, and what comes after one", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;
  let url: string;
  /** Taken by hand before the upgrade, and brought here. */
  let backup: string;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.3.0"));
    await loadNewerPostgres(demo);
    url = chatUrl(demo);
    expect(await writeMarker(url, "written before")).to.equal(true);
    backup = await takeAndFetch();
    prober = startProber({ baseUrl: url });
  });
  after(() =>
    takeBack(
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  /** The newest backup's name, of one that is taken for it. */
  async function takeAndFetch(): Promise<string> {
    await operator.mustChatalot("backup", "take");
    const name = (await shell(demo, `ls ${DIRECTORY}/backups`)).split("\n").at(-1) ?? "";
    await operator.mustChatalot("backup", "fetch", name, "--to", join(operator.folder, "backups"));
    return name;
  }

  async function expectVersion(version: number, volumes: number): Promise<void> {
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    const [found] = await query(demo, "SHOW server_version_num");
    expect(found).to.match(new RegExp(`^${version}`));
    expect(await databaseVolumes(demo)).to.have.length(volumes);
    expect(await readMessages(url)).to.include("written before");
  }

  it("stops nothing where a mount of the operator's is in the way, which it names", async () => {
    const before = await runningSince(demo);
    const override = `${DIRECTORY}/docker-compose.override.yml`;
    const text =
      "services:\n  postgres:\n    volumes:\n      - /srv/other:/var/lib/postgresql/data\n";
    await shell(demo, `mkdir -p /srv/other; printf '%s' "$1" > ${override}`, text);
    const { exitCode, output } = await operator.chatalot("upgrade-database", "--yes");
    await shell(demo, `rm ${override}`);
    expect(exitCode, output).to.equal(1);
    expect(output)
      .to.contain("UNTOUCHED")
      .and.to.contain("/srv/other at /var/lib/postgresql/data")
      .and.to.contain("Take that out of your override file");
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  it("stops nothing where somebody else's database would stay behind, which it names", async () => {
    const before = await runningSince(demo);
    await query(demo, "CREATE DATABASE grafana");
    const { exitCode, output } = await operator.chatalot("upgrade-database", "--yes");
    await query(demo, "DROP DATABASE grafana");
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain("UNTOUCHED").and.to.contain("would stay in the old volume: grafana");
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  it("goes back where the new version doesn't start again on its data", async () => {
    await makeNewerPostgres(demo, "us/postgres:18-starts", STARTS_NO_MORE);
    const argv = ["upgrade-database", "--to", "us/postgres:18-starts", "--yes"];
    const { exitCode, output } = await operator.chatalot(...argv);
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain("REVERTED v1.3.0").and.to.contain("it is broken");
    expect(await prober.missingMarkers()).to.deep.equal([]);
    await expectVersion(17, 1);
  });

  it("stops nothing where another program uses the database, and goes back where one comes later", async () => {
    const before = await runningSince(demo);
    const early = openReport();
    const found = await operator.chatalot("upgrade-database", "--yes");
    await endReport(early);
    expect(found.exitCode, found.output).to.equal(1);
    expect(found.output)
      .to.contain("UNTOUCHED")
      .and.to.contain("still uses the database: a report");
    expect(await runningSince(demo)).to.deep.equal(before);

    const running = operator.startChatalot("upgrade-database", "--yes");
    await jobAt(demo, "J6");
    const late = openReport();
    const { exitCode, all } = await running;
    await endReport(late);
    expect(exitCode, String(all)).to.equal(1);
    expect(String(all))
      .to.contain("REVERTED v1.3.0")
      .and.to.contain("still uses the database: a report");
    expect(await prober.missingMarkers()).to.deep.equal([]);
    await expectVersion(17, 1);
  });

  /** A program beside the chat that uses the database, and writes nothing yet. */
  function openReport(): Promise<unknown> {
    return demo.exec(
      [
        ...["docker", "exec", "-i", DATABASE, "psql", "-U", "chatalot", "-d", "chatalot"],
        ...["-c", "SET application_name = 'a report'", "-c", "SELECT pg_sleep(120)"],
      ],
      { timeout: 200_000, acceptedExitCodes: [0, 1, 2, 3] },
    );
  }

  async function endReport(report: Promise<unknown>): Promise<void> {
    await query(
      demo,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'a report'",
    );
    await report;
  }

  it("goes back by itself when the job is killed while the new volume is being filled", async () => {
    const running = operator.startChatalot("upgrade-database", "--retry", "--yes");
    await shell(
      demo,
      `for try in $(seq 2000); do
         if docker top chatalot-deploy-upgrade-chatalot >/dev/null 2>&1; then exit 0; fi; sleep 0.05
       done; exit 1`,
    );
    await killJob(demo);
    await jobsAreClosed(demo);
    const { exitCode, all } = await running;
    expect(exitCode, String(all)).to.equal(1);
    expect((await ledgerOf(demo)).at(-1)).to.include({ outcome: "reverted" });
    expect(await prober.missingMarkers()).to.deep.equal([]);
    expect(await shell(demo, "docker ps --all --quiet --filter name=chatalot-deploy-")).to.equal(
      "",
    );
    await expectVersion(17, 1);
  });

  it("works after all of that, also for a release that names the newer version then", async () => {
    const newer = "v1.3.1-new-database-major";
    await operator.configure({ release: newer });
    const early = await operator.preview();
    expect(early.exitCode, early.output).not.to.equal(0);
    expect(early.output.replaceAll(/\s+/g, " ")).to.contain("npx chatalot upgrade-database");
    await operator.configure({ release: "v1.3.0" });

    const { exitCode, output } = await operator.chatalot("upgrade-database", "--retry", "--yes");
    expect(exitCode, output).to.equal(0);
    await expectVersion(18, 2);

    await operator.must("config", "rm", "databaseImage");
    await operator.configure({ release: newer });
    const next = await operator.up("--skip-preview");
    expect(next.exitCode, next.output).to.equal(0);
    expect(next.output).to.contain(`DONE ${newer}`);
    expect(await prober.missingMarkers()).to.deep.equal([]);
    await expectVersion(18, 2);
    expect(await databaseMounts(demo, DATABASE)).to.have.length(1);
  });

  it("lets a rollback to a release of before stay on the newer version", async () => {
    const { exitCode, output } = await operator.chatalot("rollback", "--to", "v1.3.0", "--yes");
    expect(exitCode, output).to.equal(0);
    expect(await prober.missingMarkers()).to.deep.equal([]);
    await expectVersion(18, 2);
  });

  it("has its data when the containers were removed, and the old volume still", async () => {
    await prober.stop();
    const gone = await operator.destroy("--exclude-protected");
    expect(gone.exitCode, gone.output).to.equal(0);
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await prober.missingMarkers()).to.deep.equal([]);
    await expectVersion(18, 2);
  });

  it("lets a backup of before be restored into it, in place", async () => {
    const { exitCode, output } = await operator.chatalot("restore", backup, "--yes");
    expect(exitCode, output).to.equal(0);
    await expectVersion(18, 2);
  });

  it("lets one of it be restored onto a new server, if that gets the version as well", async () => {
    const newest = await takeAndFetch();
    await clean(demo);
    const from = ["restore", "--from", join(operator.folder, "backups", newest), "--yes"];
    const refused = await operator.chatalot(...from);
    expect(refused.exitCode, refused.output).to.equal(1);
    expect(refused.output.replaceAll(/\s+/g, " ")).to.contain(
      `pulumi config set databaseImage ${NEWER}`,
    );
    await operator.configure({ databaseImage: NEWER });
    const { exitCode, output } = await operator.chatalot(...from);
    expect(exitCode, output).to.equal(0);
    await expectVersion(18, 1);
    expect(await databaseMounts(demo, DATABASE)).to.deep.equal([
      `${FIRST_VOLUME} /var/lib/postgresql`,
    ]);
  });
});
