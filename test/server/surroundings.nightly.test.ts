import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, DIRECTORY, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { freezeJobAt, jobAt, killJob, thawJob, UNIT } from "./support/job-control.ts";
import {
  appliedMigrations,
  healthOf,
  ledgerOf,
  numberOfJobs,
  runningSince,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const DROP_INS = "/etc/systemd/system/chatalot-deploy@.service.d";

/**
 * A container has no clock of its own, and setting the machine's would reach everything that runs on
 * it: so it is the job's sight of the clock that jumps by ten years every second and a half.
 */
const JUMPING_CLOCK = `
const Real = Date;
const years = [0, -10, 10];
const now = () => Real.now() + years[Math.floor(performance.now() / 1_500) % 3] * 31_556_952_000;
globalThis.Date = class Date extends Real {
  constructor(...parts) { parts.length === 0 ? super(now()) : super(...parts); }
  static now() { return now(); }
};`;

describe("an update whose server changes under it", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.1.0"));
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => demo && thawJob(demo).catch(() => undefined),
      () => demo && shell(demo, "systemctl stop stranger 2>/dev/null || true"),
      () => demo && noDropIns(),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("is refused when another program has its new port", async () => {
    const [served, jobs] = [await runningSince(demo), await numberOfJobs(demo)];
    await strangerTakes(8090);
    await operator.configure({ "listen.port": 8090 });
    const preview = await operator.preview();
    const update = await operator.up("--skip-preview");
    await operator.configure({ "listen.port": 8080 });
    await shell(demo, "systemctl stop stranger");
    for (const { exitCode, output } of [preview, update]) {
      expect(exitCode, output).not.to.equal(0);
      expect(output).to.match(/[Pp]ort 8090 .*used by nc \(process \d+\)/);
    }
    expect(await numberOfJobs(demo)).to.equal(jobs);
    expect(await runningSince(demo)).to.deep.equal(served);
  });

  it("names the program that took its port in the swap, and commits nothing that nobody could reach", async () => {
    await operator.configure({ release: "v1.2.0" });
    const update = operator.up("--skip-preview");
    await freezeJobAt(demo, "J7");
    await strangerTakes(8080);
    await thawJob(demo);
    const { exitCode, output } = await update;
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.match(/port 8080 on 0\.0\.0\.0 was taken by nc \(process \d+\) during/);
    // The old server needs the port as well.
    expect(output).to.contain("NEEDS YOU");
    expect(output).to.match(/Going back: port 8080 on 0\.0\.0\.0 is used by nc \(process \d+\)/);
    await shell(demo, "systemctl stop stranger");
    const resolved = await operator.chatalot("resolve", "--take-back", "--yes");
    expect(resolved.exitCode, resolved.output).to.equal(0);
    await expectServing("1.1.0", [1, 2, 3, 4]);
  });

  it("goes on by itself after its own job had too little memory to run, with nothing touched", async () => {
    const served = await runningSince(demo);
    const failed = prober.snapshot().failedRequests;
    await tryAgain("v1.2.0");
    const update = operator.up("--skip-preview");
    await jobAt(demo, "J4");
    await dropIn("memory.conf", "[Service]\nMemoryMax=16M\nMemorySwapMax=0\n");
    await killJob(demo);
    await shell(
      demo,
      `for try in $(seq 600); do
         test "$(systemctl show --property=NRestarts --value ${UNIT})" -ge 4 && exit 0; sleep 0.2
       done; exit 1`,
    );
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(prober.snapshot().failedRequests).to.equal(failed);
    await noDropIns();
    const { exitCode, output } = await update;
    expect(exitCode, output).to.equal(0);
    await expectServing("1.2.0", [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("ends the same when the clock jumps by ten years, reverted and committed", async () => {
    await shell(demo, 'printf %s "$1" > /root/jumping-clock.cjs', JUMPING_CLOCK);
    await dropIn(
      "clock.conf",
      "[Service]\nEnvironment=NODE_OPTIONS=--require=/root/jumping-clock.cjs\n",
    );
    await operator.configure({ release: "v1.2.0" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    await operator.configure({ release: "v1.2.1-migration-fails-third-of-five" });
    const failing = await operator.up("--skip-preview");
    expect(failing.exitCode, failing.output).not.to.equal(0);
    expect(failing.output).to.contain("REVERTED v1.2.0");
    await expectServing("1.2.0", [1, 2, 3, 4, 5, 6, 7, 8]);

    await operator.configure({ release: "v1.3.0" });
    expectDone(await operator.up("--skip-preview"));
    await expectServing("1.3.0", [1, 2, 3, 4, 5, 6, 7, 8]);
    const times = (await ledgerOf(demo)).map(({ sequence }) => sequence);
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));

    await noDropIns();
    await operator.configure({ release: "v1.2.0" });
    expectDone(await operator.up("--skip-preview"));
    await expectServing("1.2.0", [1, 2, 3, 4, 5, 6, 7, 8]);
    const names = (await shell(demo, `ls ${DIRECTORY}/backups`)).split("\n");
    expect(new Set(names.map((name) => name.slice(0, 6))).size).to.equal(names.length);
  });

  it("is untouched when its build hangs and the operator stops it", async () => {
    const served = await runningSince(demo);
    const failed = prober.snapshot().failedRequests;
    await operator.configure({ release: "v1.0.2-build-hangs" });
    // On a database with later migrations it is the preparation alone that can be tried.
    const preparing = operator.chatalot("prepare", "v1.0.2-build-hangs");
    await jobAt(demo, "J3");
    await shell(demo, "until pgrep -f '[s]leep 3600' >/dev/null; do sleep 0.2; done");
    const stopped = await operator.chatalot("abort");
    expect(stopped.exitCode, stopped.output).to.equal(0);
    const { exitCode, output } = await preparing;
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("UNTOUCHED v1.0.2-build-hangs");
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(prober.snapshot().failedRequests).to.equal(failed);
    await shell(
      demo,
      "for try in $(seq 100); do pgrep -f '[s]leep 3600' >/dev/null || exit 0; sleep 0.2; done; exit 1",
    );
  });

  async function strangerTakes(port: number): Promise<void> {
    const unit = ["systemd-run", "--quiet", "--unit=stranger", "nc", "-lk", "0.0.0.0"];
    await demo.exec([...unit, String(port)], { timeout: 30_000 });
    await shell(
      demo,
      'until ss --listening --tcp --no-header "sport = :$1" | grep -q .; do sleep 0.1; done',
      String(port),
    );
  }

  async function dropIn(name: string, text: string): Promise<void> {
    await shell(
      demo,
      'mkdir -p "$1"; printf %s "$2" > "$1/$3"; systemctl daemon-reload',
      ...[DROP_INS, text, name],
    );
  }

  async function noDropIns(): Promise<void> {
    await shell(demo, 'rm -rf "$1"; systemctl daemon-reload', DROP_INS);
  }

  async function tryAgain(release: string): Promise<void> {
    await operator.configure({ release, retry: String((await ledgerOf(demo)).at(-1)?.sequence) });
  }

  function expectDone({ exitCode, output }: Run): void {
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE");
  }

  async function expectServing(web: string, migrations: number[]): Promise<void> {
    expect(await webVersion(chatUrl(demo))).to.equal(web);
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await appliedMigrations(demo)).to.deep.equal(migrations);
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");
    expect(await prober.missingMarkers()).to.deep.equal([]);
  }
});
