import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, DIRECTORY, servingChat } from "./support/fixture.ts";
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
import type { Operator } from "./support/operator.ts";
import { killAll, processTree } from "./support/processes.ts";
import { takeBack } from "./support/take-back.ts";

/** Three attempts that each wait five minutes for Docker, and what lies between them. */
const GIVEN_UP_WITHIN = 20 * 60_000;

describe("an update whose Docker daemon stays away", function () {
  this.timeout(GIVEN_UP_WITHIN + 10 * 60_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.1.0"));
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () =>
        demo &&
        shell(demo, "systemctl unmask --quiet docker docker.socket; systemctl start docker"),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("waits for a person with the instructions, and nothing is deleted", async () => {
    await operator.configure({ release: "v1.1.1-slow-migration" });
    const update = operator.start("up", "--yes", "--non-interactive", "--skip-preview");
    await migrationIsApplied(6);
    await shell(
      demo,
      `systemctl stop docker docker.socket
       systemctl mask --quiet docker docker.socket`,
    );
    const kept = await onTheDisk();
    // No operator waits for a quarter of an hour.
    killAll(await processTree(update.pid ?? -1));
    await demo.exec(
      [
        "sh",
        "-uc",
        'until test -e "$1"; do sleep 1; done',
        "sh",
        `${DIRECTORY}/.deploy/needs-operator`,
      ],
      { timeout: GIVEN_UP_WITHIN },
    );

    const marker = await shell(demo, `cat ${DIRECTORY}/.deploy/needs-operator`);
    expect(marker).to.contain("Docker");
    expect((await ledgerOf(demo)).at(-1)?.outcome).to.equal("needs-operator");
    expect(await onTheDisk()).to.deep.equal(kept);
    await operator.must("cancel", "--yes");
    const { exitCode, output } = await operator.chatalot("resolve");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.match(/Docker|docker/);
  });

  it("is taken back by npx chatalot resolve when Docker is back, and no message is lost", async () => {
    await shell(demo, "systemctl unmask --quiet docker docker.socket; systemctl start docker");
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("no");
    const { exitCode, output } = await operator.chatalot("resolve", "--take-back", "--yes");
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("REVERTED v1.1.0");

    expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
    const sequence = (await ledgerOf(demo)).at(-1)?.sequence;
    const names = await query(demo, "SELECT datname FROM pg_database WHERE datname ~ '^chatalot'");
    expect(names.sort()).to.deep.equal(["chatalot", `chatalot_failed_${sequence}`]);
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");
    expect(await prober.missingMarkers()).to.deep.equal([]);
  });

  async function migrationIsApplied(version: number): Promise<void> {
    const script = `for try in $(seq 1200); do
        if docker exec ${DATABASE} psql -U chatalot -d chatalot -Atc "$1" | grep -q 1
        then exit 0; fi; sleep 0.2; done; exit 1`;
    const sql = `SELECT 1 FROM _sqlx_migrations WHERE version = ${version}`;
    await demo.exec(["sh", "-uc", script, "sh", sql], { timeout: 400_000 });
  }

  /** What a person would go on from, with Docker away: volumes, containers, backups, releases. */
  async function onTheDisk(): Promise<string[]> {
    const found = await shell(
      demo,
      `ls -d /var/lib/docker/volumes/*/ /var/lib/docker/containers/*/ ${DIRECTORY}/releases/* ${DIRECTORY}/backups/*
       find /var/lib/docker/volumes/*_postgres_data /var/lib/docker/volumes/*_file_storage -type f -exec sha256sum {} + | sort`,
    );
    return found.split("\n");
  }
});
