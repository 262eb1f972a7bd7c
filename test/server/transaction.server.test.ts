import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, startProber, writeMarker } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { holdJobsAt, jobAt, killJob, letJobsRun } from "./support/job-control.ts";
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
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

/** A service of the operator's in the server's internal network. */
const BOT = "chatalot-bot";

/** Writes a numbered message all the time, and logs each that the server says is stored. */
const WRITES = `n=0; while :; do n=$((n+1)); timeout 30 bash -c '
  exec 3<>/dev/tcp/chatalot/8080
  body="{\\"author\\":\\"bot\\",\\"text\\":\\"bot $0\\"}"
  printf "POST /api/messages HTTP/1.0\\r\\nHost: chatalot\\r\\nContent-Length: \${#body}\\r\\n\\r\\n%s" "$body" >&3
  head -n 1 <&3' $n 2>/dev/null | grep -q " 201 " && echo "bot $n"; sleep 0.3; done`;

const OVERRIDE = JSON.stringify({
  services: {
    bot: {
      image: "postgres:17",
      container_name: BOT,
      // Compose reads a doubled dollar sign as one.
      entrypoint: ["bash", "-c", WRITES.replaceAll("$", "$$$$")],
      restart: "unless-stopped",
      networks: ["internal"],
      // It does not end by itself when it is asked to.
      stop_signal: "SIGKILL",
    },
  },
});

const FIRST_EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];

interface Manifest {
  release: { name: string };
  proof?: { restoredAt: string };
  dump: { sha256: string; content: { rows: Record<string, number> } };
}

describe("an update with migrations", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let url: string;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    const override = `${DIRECTORY}/docker-compose.override.yml`;
    await shell(demo, 'mkdir -p -m 755 "$1"; printf %s "$3" > "$2"', DIRECTORY, override, OVERRIDE);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.2.0", "health.mustStayGoodFor": "4 seconds" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await writeMarker(url, "a message in small letters")).to.equal(true);
    await query(demo, 'ALTER DATABASE chatalot SET search_path TO "$user", public, extra');
    await query(demo, "ALTER DATABASE chatalot CONNECTION LIMIT 77");
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => operator?.leave(),
    ),
  );

  for (const [test, tag, what] of [
    [it, "v1.2.1-migration-fails-third-of-five", "the third of five migrations fails"],
    [atNight, "v1.2.1-crashes-after-migrating", "the server ends after it has migrated"],
  ] as const)
    test(`takes the database back when ${what}`, async () => {
      const properties = await databaseProperties();
      await operator.configure({ release: tag });
      const prober = startProber({ baseUrl: url });

      const { exitCode, output } = await operator.up("--skip-preview");

      await prober.stop();
      expect(exitCode, output).to.not.equal(0);
      expect(output).to.contain("REVERTED v1.2.0").and.to.contain("chatalot_failed_");
      expect(await webVersion(url)).to.equal("1.2.0");
      expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
      expect(await appliedMigrations(demo)).to.deep.equal(FIRST_EIGHT);
      expect(await readMessages(url)).to.include("a message in small letters");
      expect(await prober.missingMarkers()).to.deep.equal([]);
      expect(await missingOfBot()).to.deep.equal([]);
      expect(await closedDoors()).to.equal("");
      expect(await databaseProperties()).to.equal(properties);
      expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");

      // The failed one stays to be looked at, and only the newest of them.
      const { sequence, outcome } = (await ledgerOf(demo)).at(-1) ?? {};
      expect(outcome).to.equal("reverted");
      expect(await databases()).to.deep.equal(["chatalot", `chatalot_failed_${sequence}`]);
      const shouted = await query(demo, "SELECT count(*) FROM messages WHERE text ~ '[a-z]'");
      expect(Number(shouted[0])).to.be.greaterThan(0);
    });

  it("has taken a backup before, which was restored to prove it", async () => {
    const newest = (await shell(demo, `ls ${DIRECTORY}/backups | tail -n 1`)).trim();
    const folder = `${DIRECTORY}/backups/${newest}`;
    const manifest = JSON.parse(await shell(demo, `cat ${folder}/manifest.json`)) as Manifest;
    expect(manifest.release.name).to.equal("v1.2.0");
    expect(manifest.proof?.restoredAt).to.match(/^20/);
    expect(manifest.dump.content.rows["public.messages"]).to.be.greaterThan(0);
    const digest = await shell(demo, `sha256sum < ${folder}/database.dump | cut -d ' ' -f 1`);
    expect(digest).to.equal(manifest.dump.sha256).and.not.to.equal(digestOfNothing());
    expect(await shell(demo, `stat -c %a ${folder} ${folder}/database.dump`)).to.equal("700\n600");
    // Nothing of the proof is left.
    const all = await shell(demo, "docker ps --all --format '{{.Names}}' | sort");
    expect(all.split("\n")).to.deep.equal([BOT, DATABASE, SERVER]);
  });

  it("keeps everybody out until it is committed, and takes the database back when it is killed", async () => {
    await operator.configure({ release: "v2.0.0", url, breakingChangesReadUpTo: "v2.0.0" });
    const prober = startProber({ baseUrl: url });
    await holdJobsAt(demo, "J10");
    const update = operator.up("--skip-preview");
    await jobAt(demo, "J10");

    expect(await appliedMigrations(demo)).to.deep.equal([...FIRST_EIGHT, 9]);
    expect((await theContainer(demo, SERVER)).running).to.equal(true);
    expect(await answers(url)).to.equal(false);
    expect(await closedDoors()).to.equal("chatalot-closed-door");
    await letJobsRun(demo);
    await killJob(demo);
    const { exitCode, output } = await update;

    await prober.stop();
    expect(exitCode, output).to.not.equal(0);
    expect(output).to.contain("REVERTED v1.2.0");
    expect(await appliedMigrations(demo)).to.deep.equal(FIRST_EIGHT);
    expect(await healthOf(url)).to.include({ status: "ok", version: "1.0.0" });
    expect(await prober.missingMarkers()).to.deep.equal([]);
    expect(await missingOfBot()).to.deep.equal([]);
    const retry = /pulumi config set retry (\d+)/.exec(output)?.[1] ?? "";
    await operator.configure({ retry });
  });

  it("opens the door once it is committed, and keeps the revert point", async () => {
    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(output).to.match(/DONE v2\.0\.0 .*Backup \S+ proven/);
    expect(await healthOf(url)).to.include({ status: "ok", version: "2.0.0" });
    expect(await appliedMigrations(demo)).to.deep.equal([...FIRST_EIGHT, 9]);
    expect(await writeMarker(url, "after the update")).to.equal(true);
    const before = (await acknowledgedToBot()).length;
    // Mocha's limit ends this where the bot can't write any more.
    while ((await acknowledgedToBot()).length <= before) await sleep(200);
    expect(await closedDoors()).to.equal("");
    expect(await databases()).to.include(
      `chatalot_before_${(await ledgerOf(demo)).at(-1)?.sequence}`,
    );
    // What the operator types out of habit finds nothing to do.
    const running = await runningSince(demo);
    await shell(demo, `cd ${DIRECTORY} && docker compose up -d`);
    expect(await runningSince(demo)).to.deep.equal(running);
  });

  it("is no way back, and is removed by the next update, where its removal was interrupted", async () => {
    const point = `chatalot_before_${(await ledgerOf(demo)).at(-1)?.sequence}`;
    const [oid] = await query(demo, "SELECT oid FROM pg_database WHERE datname = 'chatalot'");
    // What PostgreSQL leaves of a DROP DATABASE that did not come to its end.
    await query(demo, `UPDATE pg_database SET datconnlimit = -2 WHERE datname = '${point}'`);
    const history = await operator.chatalot("history");
    expect(history.output).not.to.contain("revert point");

    await operator.configure({ "env.MAX_FILE_SIZE_MB": 33 });
    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(await databases()).to.not.include(point);
    expect(
      await query(demo, "SELECT oid FROM pg_database WHERE datname = 'chatalot'"),
    ).to.deep.equal([oid]);
    expect((await query(demo, "SELECT text FROM messages")).join()).to.match(/after the update/i);
  });

  /** What the server told the bot that it had stored, since the bot was made. */
  async function acknowledgedToBot(): Promise<string[]> {
    const text = await shell(demo, `docker logs ${BOT}`);
    return text.split("\n").filter((line) => line !== "");
  }

  /** Of that, what the live database does not have. */
  async function missingOfBot(): Promise<string[]> {
    const acknowledged = await acknowledgedToBot();
    expect(acknowledged).not.to.deep.equal([]);
    const stored = new Set(await query(demo, "SELECT text FROM messages WHERE author = 'bot'"));
    return acknowledged.filter((text) => !stored.has(text));
  }

  /** The networks that a closed door makes. */
  async function closedDoors(): Promise<string> {
    const filter = "label=chatalot-deploy.closed-door";
    return shell(demo, `docker network ls --filter ${filter} --format '{{.Name}}'`);
  }

  async function databases(): Promise<string[]> {
    const rows = await query(demo, "SELECT datname FROM pg_database WHERE datname ~ '^chatalot'");
    return rows.sort();
  }

  /** What belongs to a database and not to what is in it. */
  async function databaseProperties(): Promise<string> {
    const rows = await query(
      demo,
      `SELECT pg_get_userbyid(datdba), datconnlimit, datacl, setconfig FROM pg_database d
       LEFT JOIN pg_db_role_setting ON setdatabase = d.oid WHERE datname = 'chatalot'`,
    );
    expect(rows.join()).to.contain("extra").and.to.contain("77");
    return rows.join("\n");
  }
});

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(3_000) });
    return true;
  } catch {
    return false;
  }
}

function digestOfNothing(): string {
  return createHash("sha256").digest("hex");
}
