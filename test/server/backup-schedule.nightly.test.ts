import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { routineUnit } from "../../updater/schedule/units.ts";
import { DIRECTORY, servingChat } from "./support/fixture.ts";
import { jobsAreClosed } from "./support/job-control.ts";
import { DATABASE, runningSince, shell } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

const BACKUP = routineUnit("backup", DIRECTORY);
const DRILL = routineUnit("drill", DIRECTORY);

/** Comes when no test waits for it: the tests start what the clock would. */
const YEARLY = "*-01-01 03:30 Europe/Berlin";

/** What the tests read of `backup list --json`. */
interface Entry {
  name: string;
  kind: string;
  provenAt?: string;
}

describe("backups by the clock", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0", { "backup.schedule": YEARLY }));
  });
  after(() => operator?.leave());

  const entries = async (): Promise<Entry[]> =>
    JSON.parse((await operator.mustChatalot("backup", "list", "--json")).output) as Entry[];

  const scheduled = async (): Promise<Entry[]> =>
    (await entries()).filter(({ kind }) => kind === "scheduled");

  /** Starts what a timer would, and waits for its end as systemd sees it. */
  const start = (unit: string): Promise<string> =>
    shell(
      demo,
      `systemctl start "$1" 2>/dev/null || true; systemctl show --property=Result --value "$1"`,
      unit,
    );

  it("have timers with their zone, which outlive a reboot", async () => {
    const timers = "systemctl list-timers --all --no-legend 'chatalot-deploy-*' | wc -l";
    expect(await shell(demo, timers)).to.equal("2");
    const show = 'systemctl show --property=TimersCalendar --value "$1"';
    expect(await shell(demo, show, `${BACKUP}.timer`)).to.contain("Europe/Berlin");
    expect(await shell(demo, 'systemctl is-enabled "$1"', `${DRILL}.timer`)).to.equal("enabled");
  });

  it("change nothing of the next preview", async () => {
    const { exitCode, output } = await operator.preview("--expect-no-changes");
    expect(exitCode, output).to.equal(0);
  });

  it("are taken by the server alone when their time comes, and proven", async () => {
    const since = await runningSince(demo);
    await operator.configure({ "backup.schedule": "*-*-* *:*:0/10 UTC", "backup.drill": "never" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    await waitFor("two backups by the clock", async () => (await scheduled()).length >= 2);
    await operator.configure({ "backup.schedule": YEARLY, "backup.drill": YEARLY });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(output).to.match(/next backup: \d{4}-(?:12-31|01-01)T0[23]:30:00Z/);
    await jobsAreClosed(demo);
    for (const { provenAt } of await scheduled()) expect(provenAt).to.be.a("string");
    expect(await runningSince(demo)).to.deep.equal(since);
  });

  it("stay in the number that was set, beside those that a person took", async () => {
    await operator.mustChatalot("backup", "take");
    await operator.configure({ "backup.keepScheduled": 1 });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    expect(await start(`${BACKUP}.service`)).to.equal("success");
    expect(await scheduled()).to.have.length(1);
    expect((await entries()).map(({ kind }) => kind)).to.deep.equal(["scheduled", "manual"]);
  });

  it("are restored by the drill, which tells of one that has become bad", async () => {
    expect(await start(`${DRILL}.service`)).to.equal("success");
    expect((await operator.chatalot("status", "--check")).exitCode).to.equal(0);
    const [{ name }] = (await scheduled()) as [Entry];
    const dump = `${DIRECTORY}/backups/${name}/database.dump`;
    await shell(demo, 'truncate --size=-1 "$1"', dump);
    expect(await start(`${DRILL}.service`)).to.equal("exit-code");
    const { exitCode, output } = await operator.chatalot("status", "--check");
    expect(exitCode).to.equal(1);
    expect(output).to.contain("the last restore drill failed");
    expect(output).to.contain(name);
  });

  it("that fail are told by status and by the preview", async () => {
    const inDatabase = `docker exec ${DATABASE} sh -c`;
    await shell(demo, `${inDatabase} 'chmod -x /usr/lib/postgresql/*/bin/pg_dump'`);
    expect(await start(`${BACKUP}.service`)).to.equal("exit-code");
    await shell(demo, `${inDatabase} 'chmod +x /usr/lib/postgresql/*/bin/pg_dump'`);
    const { output } = await operator.preview();
    expect(output).to.contain("the last scheduled backup failed");
    expect((await operator.chatalot("status")).output).to.match(/Clock +backup at .* failed/);
    expect(await start(`${BACKUP}.service`)).to.equal("success");
    expect(await start(`${DRILL}.service`)).to.equal("success");
    expect((await operator.chatalot("status", "--check")).exitCode).to.equal(0);
  });

  it("whose timer somebody stopped or removed are drift, which an up mends", async () => {
    await shell(
      demo,
      'systemctl stop "$1"; rm "/etc/systemd/system/$2"',
      `${BACKUP}.timer`,
      `${DRILL}.timer`,
    );
    const { exitCode, output } = await operator.chatalot("status", "--check");
    expect(exitCode).to.equal(1);
    expect(output).to.contain(`the timer ${BACKUP}.timer does not run`);
    expect(output).to.contain(`${DRILL}.timer is missing`);
    const preview = await operator.preview("--diff");
    expect(preview.output).to.contain("The server's timers differ from what was set");
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    expect((await operator.chatalot("status", "--check")).exitCode).to.equal(0);
  });

  it("at a time that systemd doesn't take are refused, and the ones before stay", async () => {
    await operator.configure({ "backup.schedule": "*-13-01 03:30 UTC" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode).not.to.equal(0);
    expect(output).to.contain(`The server's systemd doesn't take "*-13-01 03:30 UTC"`);
    expect(await shell(demo, 'systemctl is-active "$1"', `${BACKUP}.timer`)).to.equal("active");
  });

  it("are taken no more once the setting is gone; those that were taken stay", async () => {
    const before = (await entries()).length;
    for (const key of ["backup.schedule", "backup.drill"])
      await operator.must("config", "rm", "--path", key);
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    const left = "ls /etc/systemd/system | grep -c '^chatalot-deploy-' || true";
    expect(await shell(demo, left)).to.equal("0");
    expect(await entries()).to.have.length(before);
    expect((await operator.chatalot("status", "--check")).exitCode).to.equal(0);
  });
});

async function waitFor(what: string, isThere: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (await isThere()) return;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  throw new Error(`no end of waiting for ${what}`);
}
