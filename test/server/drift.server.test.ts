import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { DATABASE, query, runningSince, SERVER, shell, theContainer } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

const OVERRIDE = "services:\n  chatalot:\n    labels:\n      traefik.enable: 'true'\n";

describe("drift", () => {
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    await shell(demo, 'mkdir -p -m 755 "$1"', DIRECTORY);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
  });
  after(() => operator?.leave());

  it("is not there after an update, nor after Compose's own up in the directory", async () => {
    const before = await runningSince(demo);
    await shell(demo, 'cd "$1"; docker compose up -d', DIRECTORY);
    expect(await runningSince(demo)).to.deep.equal(before);
    expect(await drift()).to.deep.equal([]);
  });

  it("is not there while a migration keeps everybody from a table", async () => {
    // Longer than a question to the database may take.
    await shell(
      demo,
      'docker exec --detach "$1" psql -U chatalot -c "BEGIN; LOCK TABLE messages; SELECT pg_sleep(90)"',
      DATABASE,
    );
    try {
      await shell(
        demo,
        'until docker exec "$1" psql -U chatalot -qAtc "$2" | grep -q 1; do sleep 0.1; done',
        ...[
          DATABASE,
          "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted LIMIT 1",
        ],
      );
      expect(await drift()).to.deep.equal([]);
    } finally {
      await query(
        demo,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(90)%' AND pid <> pg_backend_pid()",
      );
    }
  });

  it("names what was changed by hand, and up mends ours and keeps the operator's", async () => {
    await shell(
      demo,
      'cd "$1"; cp .env mine; echo MINE=1 >> mine; mv mine .env; ' +
        'printf %s "$2" > docker-compose.override.yml; docker stop chatalot-db',
      ...[DIRECTORY, OVERRIDE],
    );
    const found = (await drift()).join("\n");
    expect(found).to.contain(".env was replaced by a file of your own");
    expect(found).to.contain("docker-compose.override.yml was added");
    expect(found).to.contain("postgres is exited");

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(await drift()).to.deep.equal([]);
    expect((await theContainer(demo, SERVER)).labels["traefik.enable"]).to.equal("true");
    expect(await shell(demo, 'cat "$1"/.env.edited-*', DIRECTORY)).to.contain("MINE=1");
    expect(await shell(demo, 'cat "$1/docker-compose.override.yml"', DIRECTORY)).to.equal(
      OVERRIDE.trim(),
    );
  });

  it("is told by chatalot status as its exit code; doctor and logs answer too", async () => {
    const good = await operator.chatalot("status", "--check");
    expect(good.exitCode, good.output).to.equal(0);
    const healthy = await operator.chatalot("doctor");
    expect(healthy.exitCode, healthy.output).to.equal(0);
    const log = await operator.chatalot("logs", "--lines", "5");
    expect(log.exitCode, log.output).to.equal(0);
    expect(log.output.trim().split("\n")).to.have.length.within(1, 5);
    const job = await operator.chatalot("logs", "--job");
    expect(job.output).to.match(/ J9 /).and.to.contain("DONE v1.0.0");

    await shell(demo, "docker stop chatalot-server");
    await operator.configure({ release: "v9.9.9" });
    const bad = await operator.chatalot("status", "--check");
    const full = await operator.chatalot("status", "--json");
    const ill = await operator.chatalot("doctor");
    await shell(demo, "docker start chatalot-server");
    await operator.configure({ release: "v1.0.0" });

    expect(bad.exitCode, bad.output).to.equal(1);
    expect(bad.output).to.contain("the server is exited");
    const { code, state } = JSON.parse(full.output) as { code: number; state: { drift: string[] } };
    expect(code).to.equal(1);
    expect(state.drift).to.include("the server is exited");
    expect(ill.exitCode, ill.output).to.equal(1);
    expect(ill.output).to.contain("v9.9.9");
  });

  it("is none where a setting has characters that Compose gives a meaning", async () => {
    const values = { ADMIN_USERNAME: 'a$b ${c} x$$y "d" #e \'f', RUST_LOG: "$$" };
    await operator.configure({
      "env.ADMIN_USERNAME": values.ADMIN_USERNAME,
      "env.RUST_LOG": values.RUST_LOG,
    });

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect((await theContainer(demo, SERVER)).environment).to.include(values);
    expect(await drift()).to.deep.equal([]);
  });

  /** What the updater on the server reads, asked past Pulumi. */
  async function drift(): Promise<string[]> {
    const request = `{"directory":"${DIRECTORY}","project":"chatalot","volumes":[]}`;
    const answer = await shell(
      demo,
      'printf %s "$2" | "$1/.deploy/runner-node" "$1/.deploy/runner-updater" inspect',
      ...[DIRECTORY, request],
    );
    return (JSON.parse(answer) as { drift: string[] }).drift;
  }
});
