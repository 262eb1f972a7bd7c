import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, readMessages, startProber, writeMarker } from "../support/prober.ts";
import { chatUrl, DIRECTORY, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { holdJobsAt, jobAt, jobsAreClosed, killJob, letJobsRun } from "./support/job-control.ts";
import {
  DATABASE,
  healthOf,
  ledgerOf,
  query,
  runningSince,
  shell,
  webVersion,
} from "./support/looks.ts";
import {
  databaseMounts,
  databaseVolumes,
  loadNewerPostgres,
  makeNewerPostgres,
  NEWER,
} from "./support/newer-postgres.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

/** The volume of a first deployment. */
const FIRST_VOLUME = "chatalot_postgres_data";
const FIRST_PLACE = `${FIRST_VOLUME} /var/lib/postgresql/data`;

/** Of the throwaway database of a proof it restores well, but not into the new volume. */
const RESTORES_NO_MORE = [
  `RUN printf '#!/bin/sh\\nif [ "$POSTGRES_DB" = postgres ]; then echo "pg_restore: error: injected" >&2; exit 1; fi\\nexec /usr/lib/postgresql/18/bin/pg_restore "$@"\\n' > /usr/local/bin/pg_restore && chmod 755 /usr/local/bin/pg_restore`,
];

/** Users of the database besides the chat's, and what is set in it. */
const WORDS = `
CREATE ROLE reader LOGIN PASSWORD 'a password of the reader' CONNECTION LIMIT 3;
CREATE ROLE readers NOLOGIN;
GRANT readers TO reader;
GRANT CONNECT ON DATABASE chatalot TO readers;
ALTER ROLE reader SET statement_timeout TO '42s';
ALTER DATABASE chatalot SET timezone TO 'Europe/Berlin';
ALTER SYSTEM SET log_min_duration_statement TO '12345';`;

const ROLE = `
SELECT rolname, rolpassword, rolconnlimit, rolsuper FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1`;

describe("npx chatalot upgrade-database", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;
  let url: string;
  let roles: string[];
  let upload: string;
  let upgraded: string;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    await loadNewerPostgres(demo);
    url = chatUrl(demo);
    await query(demo, WORDS);
    roles = await query(demo, ROLE);
    const posted = await fetch(`${url}/api/files?name=file.txt`, {
      method: "POST",
      body: "an upload of before",
    });
    upload = ((await posted.json()) as { id: string }).id;
    expect(await writeMarker(url, "written before")).to.equal(true);
    // By which the preview knows how long it will take.
    await operator.mustChatalot("backup", "take");
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

  const stackFile = (): Promise<string> =>
    readFile(join(operator.folder, "Pulumi.test.yaml"), "utf8");

  async function expectOld(): Promise<void> {
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await query(demo, "SHOW server_version_num")).to.match(/^17/);
    expect(await databaseMounts(demo, DATABASE)).to.deep.equal([FIRST_PLACE]);
    expect(await databaseVolumes(demo)).to.deep.equal([FIRST_VOLUME]);
    await expectWhole();
  }

  async function expectWhole(): Promise<void> {
    expect(await prober.missingMarkers()).to.deep.equal([]);
    expect(await readMessages(url)).to.include("written before");
    expect(await query(demo, ROLE)).to.deep.equal(roles);
    const answer = await fetch(`${url}/api/files/${upload}`);
    expect(await answer.text()).to.equal("an upload of before");
  }

  it("says in the preview what will happen, for how long, and what stays, and changes nothing", async () => {
    const before = [await runningSince(demo), await stackFile()];
    const asked = await operator.chatalot("upgrade-database");
    expect(asked.exitCode, asked.output).to.equal(1);
    expect(asked.output).to.contain('Add "--yes"');
    const file = await stackFile();
    await operator.configure({ databaseImage: NEWER });
    const { exitCode, output } = await operator.preview();
    expect(exitCode, output).to.equal(0);
    expect(output)
      .to.contain(`UPGRADE  PostgreSQL 17 -> 18 (${NEWER})`)
      .and.to.match(
        /Steps +backup, proven, and tried with PostgreSQL 18 about \d+ s: chat stays up/,
      )
      .and.to.match(/CHAT IS AWAY/)
      .and.to.match(new RegExp(`Kept +the volume ${FIRST_VOLUME}, as it is`))
      .and.to.match(/Failure +PostgreSQL 17 serves again/)
      .and.to.match(/Disk +needs about .* free/);
    await operator.must("config", "rm", "databaseImage");
    expect([await runningSince(demo), file]).to.deep.equal(before);
  });

  it("refuses an older version, and another release at the same time", async () => {
    const older = await operator.chatalot("upgrade-database", "--to", "postgres:16", "--yes");
    expect(older.exitCode, older.output).to.equal(1);
    expect(older.output).to.contain("an older version does not read them");
    const none = await operator.chatalot("upgrade-database", "--to", "postgres:latest", "--yes");
    expect(none.output).to.contain("does not begin with a major version");
    await operator.configure({ databaseImage: NEWER, release: "v1.0.1" });
    const { exitCode, output } = await operator.preview();
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("one thing is changed at a time");
    await operator.must("config", "rm", "databaseImage");
    await operator.configure({ release: "v1.0.0" });
  });

  it("goes back where the restore into the new version fails, and loses nothing", async () => {
    const before = await stackFile();
    await makeNewerPostgres(demo, "us/postgres:18-restores", RESTORES_NO_MORE);
    const argv = ["upgrade-database", "--to", "us/postgres:18-restores", "--yes"];
    const { exitCode, output } = await operator.chatalot(...argv);
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain("REVERTED v1.0.0").and.to.contain("pg_restore: error: injected");
    expect(await stackFile()).to.equal(before);
    await expectOld();
  });

  it("goes back by itself when the job is killed after the new volume was filled", async () => {
    await holdJobsAt(demo, "J8");
    const running = operator.startChatalot("upgrade-database", "--to", NEWER, "--yes");
    await jobAt(demo, "J8");
    expect(await databaseVolumes(demo)).to.have.length(2);
    await letJobsRun(demo);
    await killJob(demo);
    await jobsAreClosed(demo);
    const { exitCode, all } = await running;
    expect(exitCode, String(all)).to.equal(1);
    expect(String(all)).to.contain("interrupted at step J8");
    expect((await ledgerOf(demo)).at(-1)).to.include({ outcome: "reverted" });
    await expectOld();
  });

  it("brings everything to the new version, and keeps the old volume as it was", async () => {
    const argv = ["upgrade-database", "--to", NEWER, "--retry", "--yes"];
    const { exitCode, output } = await operator.chatalot(...argv);
    expect(exitCode, output).to.equal(0);
    const job = (await ledgerOf(demo)).at(-1)?.sequence;
    upgraded = `${FIRST_VOLUME}_pg18_${job}`;
    expect(output)
      .to.match(/DONE v1\.0\.0 \([0-9a-f]{7}\) is serving/)
      .and.to.contain(`the one of PostgreSQL 17 is kept in the volume ${FIRST_VOLUME}`);
    expect(await stackFile()).to.contain(`databaseImage: ${NEWER}`);
    await expectNew();
    expect(await query(demo, "SHOW timezone")).to.deep.equal(["Europe/Berlin"]);
    expect(await query(demo, "SHOW log_min_duration_statement")).to.deep.equal(["12345ms"]);
    expect(await shell(demo, "docker ps --all --quiet --filter name=chatalot-deploy-")).to.equal(
      "",
    );
    expect(await shell(demo, `ls ${DIRECTORY}/backups`)).not.to.contain("partial");
    const volume = `docker volume inspect --format '{{.Mountpoint}}' ${FIRST_VOLUME}`;
    expect(await shell(demo, `cat $(${volume})/PG_VERSION`)).to.equal("17");
  });

  async function expectNew(): Promise<void> {
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await query(demo, "SHOW server_version_num")).to.match(/^18/);
    expect(await databaseMounts(demo, DATABASE)).to.deep.equal([`${upgraded} /var/lib/postgresql`]);
    expect(await databaseVolumes(demo)).to.deep.equal([FIRST_VOLUME, upgraded]);
    await expectWhole();
  }

  it("has nothing to do then, with the setting and without it, and status names what is kept", async () => {
    const before = await runningSince(demo);
    expect((await operator.chatalot("upgrade-database", "--to", NEWER)).exitCode).to.equal(3);
    const again = await operator.up("--skip-preview", "--expect-no-changes");
    expect(again.exitCode, again.output).to.equal(0);
    await operator.must("config", "rm", "databaseImage");
    const without = await operator.up("--skip-preview");
    expect(without.exitCode, without.output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(before);
    const { output } = await operator.mustChatalot("status");
    expect(output)
      .to.contain(`volume ${FIRST_VOLUME}, PostgreSQL 17`)
      .and.to.contain(`docker volume rm ${FIRST_VOLUME}`)
      .and.to.contain("As committed, and healthy.");
  });

  it("lets the next releases migrate on the new version", async () => {
    await operator.configure({ release: "v1.2.0" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE v1.2.0");
    expect(await webVersion(url)).to.equal("1.2.0");
    await expectNew();
  });
});
