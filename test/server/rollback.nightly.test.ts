import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { chatUrl, cleanServer, operatorOf } from "./support/fixture.ts";
import { holdJobsAt, jobAt, killJob, letJobsRun } from "./support/job-control.ts";
import { appliedMigrations, ledgerOf, query, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

describe("a rollback over migrations that fails, and one by undo scripts", function () {
  this.timeout(900_000);
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  let scripts: string;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    operator = await operatorOf(demo);
    scripts = await mkdtemp(join(tmpdir(), "chatalot-deploy-undo-"));
    for (const release of ["v1.0.0", "v1.1.0"]) {
      await operator.configure({ release });
      const { exitCode, output } = await operator.up("--skip-preview");
      expect(exitCode, output).to.equal(0);
      expect(await writeMarker(url, `on ${release}`)).to.equal(true);
    }
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => operator?.leave(),
      () => scripts && rm(scripts, { recursive: true, force: true }),
    ),
  );

  it("has the present database back when its job is killed just before the commit", async () => {
    const before = await identity();
    await holdJobsAt(demo, "J10");
    const rollback = operator.chatalot("rollback", "--database", "backup", "--yes");
    await jobAt(demo, "J10");
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3]);
    await letJobsRun(demo);
    await killJob(demo);
    const { exitCode, output } = await rollback;

    expect(exitCode, output).to.equal(1);
    expect(output)
      .to.match(/REVERTED v1\.1\.0 .* serves again/)
      .and.contain("is as it was before");
    expect(await identity()).to.deep.equal(before);
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
    expect(await webVersion(url)).to.equal("1.1.0");
    expect(await readMessages(url)).to.deep.equal(["on v1.0.0", "on v1.1.0"]);
    expect((await operator.must("config", "get", "release")).output.trim()).to.equal("v1.1.0");
    expect((await databases()).filter((name) => /_(left|next)_/.test(name))).to.deep.equal([]);
  });

  it("refuses the release that failed, until it is named again", async () => {
    const { exitCode, output } = await operator.chatalot(
      "rollback",
      "--preview",
      "--database",
      "backup",
    );
    expect(exitCode, output).to.equal(1);
    const retry = /pulumi config set retry (\d+)/.exec(output)?.[1] ?? "";
    await operator.configure({ retry });
  });

  it("changes nothing where a script fails, or would end the transaction", async () => {
    const before = await identity();
    await script("ALTER TABLE messages DROP COLUMN edited_at;\nCOMMIT;");
    const { exitCode, output } = await undo();
    expect(exitCode, output).to.equal(1);
    expect(output).to.match(/UNTOUCHED v1\.0\.0 .*transaction commands/);
    expect(await identity()).to.deep.equal(before);
  });

  it("runs undo scripts on a copy, with every message in it", async () => {
    // What psql would take for a command of its own is text for the server.
    await script(
      "-- \\! touch /tmp/written-by-psql\nALTER TABLE messages DROP COLUMN edited_at;\n",
    );
    const { exitCode, output } = await undo();

    expect(exitCode, output).to.equal(0);
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3]);
    expect(await webVersion(url)).to.equal("1.0.0");
    expect(await readMessages(url)).to.deep.equal(["on v1.0.0", "on v1.1.0"]);
    expect(await databases()).to.include(
      `chatalot_left_${(await ledgerOf(demo)).at(-1)?.sequence}`,
    );
    const files = await demo.exec(["docker", "exec", "chatalot-db", "ls", "/tmp"], {
      timeout: 30_000,
    });
    expect(files.stdout).not.to.contain("written-by-psql");
  });

  function script(sql: string): Promise<void> {
    return writeFile(join(scripts, "004_message_edits.down.sql"), sql);
  }

  function undo() {
    return operator.chatalot(
      ...["rollback", "--yes", "--to", "v1.0.0"],
      ...["--database", "undo-scripts", "--scripts", scripts],
    );
  }

  async function databases(): Promise<string[]> {
    return query(demo, "SELECT datname FROM pg_database WHERE datname ~ '^chatalot'");
  }

  async function identity(): Promise<string[]> {
    return query(demo, "SELECT oid FROM pg_database WHERE datname = 'chatalot'");
  }
});
