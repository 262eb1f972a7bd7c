import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { freezeJobAt, jobsAreClosed, thawJob } from "./support/job-control.ts";
import { numberOfJobs, shell, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const CUT = "iptables -I INPUT -p tcp --dport 22 -j DROP";
const MENDED = "while iptables -D INPUT -p tcp --dport 22 -j DROP 2>/dev/null; do :; done";

/** The strictest of the settings that end what a user left running. */
const KILL_WHAT_IS_LEFT =
  "mkdir -p /etc/systemd/logind.conf.d\n" +
  "printf '[Login]\\nKillUserProcesses=yes\\nKillExcludeUsers=\\n' > /etc/systemd/logind.conf.d/kill.conf\n" +
  "systemctl restart systemd-logind 2>/dev/null || true";

/** By force, with all that a login had started. */
const END_SESSIONS =
  "loginctl --no-legend list-sessions | awk '{ print $1 }' | xargs --no-run-if-empty loginctl terminate-session\n" +
  "pkill --signal KILL --full '^sshd(-session)?: .*(@notty|@pts|\\[priv\\])' || true";

describe("an update whose operator loses the connection", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    await shell(demo, KILL_WHAT_IS_LEFT);
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => demo && shell(demo, `${MENDED}; rm -f /etc/systemd/logind.conf.d/kill.conf`),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  for (const { step, release, jobs, seconds } of [
    // The second job of an update is asked for when the connection is back.
    { step: "J3", release: "v1.0.1", jobs: 1, seconds: 0 },
    { step: "J5", release: "v1.1.0", jobs: 2, seconds: 0 },
    // Long enough that ssh gives the connection up.
    { step: "J8", release: "v1.2.0", jobs: 2, seconds: 75 },
    { step: "J9", release: "v1.3.0", jobs: 2, seconds: 0 },
  ])
    it(`goes on without it at ${step}, and is told its end when the network is back`, async () => {
      const before = await numberOfJobs(demo);
      await operator.configure({ release });
      const update = operator.up("--skip-preview");
      await freezeJobAt(demo, step);
      await shell(demo, CUT);
      await thawJob(demo);
      await jobsAreClosed(demo);
      expect(await numberOfJobs(demo)).to.equal(before + jobs);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
      await shell(demo, MENDED);
      await expectDone(await update, release, seconds === 0 ? "" : "connecting again");
      expect(await numberOfJobs(demo)).to.equal(before + 2);
    });

  it("goes on when its session is ended by force at J4, with all that it started", async () => {
    await operator.configure({ release: "v1.2.0" });
    const before = await numberOfJobs(demo);
    const update = operator.up("--skip-preview");
    await freezeJobAt(demo, "J4");
    await shell(demo, END_SESSIONS);
    await thawJob(demo);
    await jobsAreClosed(demo);
    await expectDone(await update, "v1.2.0", "connecting again");
    // It served before, so that nothing has to be prepared.
    expect(await numberOfJobs(demo)).to.equal(before + 1);
  });

  async function expectDone(
    { exitCode, output }: { exitCode: number; output: string },
    release: string,
    said: string,
  ): Promise<void> {
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain(`DONE ${release}`).and.to.contain(said);
    expect(await webVersion(chatUrl(demo))).to.equal(release.slice(1));
    expect(await prober.missingMarkers()).to.deep.equal([]);
  }
});
