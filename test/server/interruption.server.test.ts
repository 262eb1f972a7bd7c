import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, operatorOf, servingChat } from "./support/fixture.ts";
import * as jobs from "./support/job-control.ts";
import { healthOf, numberOfJobs, runningSince, webVersion } from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { killAll, type Process, processTree, stillRunning } from "./support/processes.ts";
import { takeBack } from "./support/take-back.ts";

const UP = ["up", "--yes", "--non-interactive", "--skip-preview"];

/** Promised are 5 seconds; the rest is for a machine that is busy with other things. */
const ENDS_WITHIN = 60_000;

describe("an operator who goes away in the middle of an update", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => demo && jobs.letJobsRun(demo),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );

  /** An update whose job waits at J8, whoever asks for it, until it is told to go on. */
  async function startAndHold(): Promise<Running> {
    await jobs.holdJobsAt(demo, "J8");
    const update = start(operator);
    await jobs.jobAt(demo, "J8");
    await jobs.letJobsRun(demo);
    return update;
  }

  describe("by ^C", () => {
    let interrupted: Run;
    let wentOn: boolean;
    let refused: Run;
    let opened: number;
    let attached: Run;

    before(async () => {
      await operator.configure({ release: "v1.0.1" });
      const first = await startAndHold();
      opened = await numberOfJobs(demo);
      refused = await anotherOperator(demo);

      first.interrupt();
      interrupted = await first.end;
      wentOn = await jobs.jobRuns(demo);

      const second = start(operator);
      await second.says("following job");
      await jobs.endHold(demo);
      attached = await second.end;
    });

    it("gets told that the update goes on, and how to follow it", () => {
      expect(interrupted.exitCode, interrupted.output).not.to.equal(0);
      expect(interrupted.output).to.match(/The update goes on at the server as job \d+/);
      expect(interrupted.output).to.contain("Follow it: pulumi up.");
      expect(wentOn).to.equal(true);
    });

    it("gets its result from the next update", async () => {
      expect(attached.exitCode, attached.output).to.equal(0);
      expect(attached.output).to.contain("DONE v1.0.1");
      expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
      expect(await numberOfJobs(demo)).to.equal(opened);
    });

    it("is not overtaken by another, who is told by whom, since when and how far", () => {
      expect(refused.exitCode, refused.output).not.to.equal(0);
      expect(refused.output).to.match(
        /Another job is under way: number \d+ \(switch to v1\.0\.1\) of \S+@\S+, since 20\S+Z, at step J8\./,
      );
    });

    it("loses no message", async () => {
      expect(await prober.missingMarkers()).to.deep.equal([]);
    });
  });

  describe("by the death of pulumi", () => {
    let provider: Process[];
    let left: Process[];
    let locked: Run;
    let served: Record<string, string>;
    let reported: Run;

    before(async () => {
      await operator.configure({ release: "v1.0.0" });
      const first = await startAndHold();
      const [engine, ...others] = await first.processes();
      provider = others.filter(({ command }) => /launch\/provider\.mjs|\bssh\b/.test(command));
      killAll(engine === undefined ? [] : [engine]);
      left = await remainingAfter(provider, ENDS_WITHIN);
      locked = await operator.up("--skip-preview");
      await operator.must("cancel", "--yes");

      // The next one is there when the job goes on, and dies with all it started.
      const second = start(operator);
      await second.says("following job");
      killAll(await second.processes());
      await jobs.endHold(demo);
      await jobs.jobsAreClosed(demo);
      served = await runningSince(demo);
      await operator.must("cancel", "--yes");
      reported = await operator.up("--skip-preview");
    });

    it("leaves no provider and no connection behind", () => {
      const commands = provider.map(({ command }) => command).join("\n");
      expect(commands)
        .to.contain("launch/provider.mjs")
        .and.to.match(/\bssh\b/);
      expect(left).to.deep.equal([]);
    });

    it("leaves the stack locked until the lock is taken away", () => {
      expect(locked.exitCode, locked.output).not.to.equal(0);
      expect(locked.output).to.contain("pulumi cancel");
    });

    it("doesn't keep the job from its end", async () => {
      expect(await webVersion(chatUrl(demo))).to.equal("1.0.0");
      expect(await healthOf(chatUrl(demo))).to.include({ status: "ok" });
    });

    it("gets the result afterwards, with nothing restarted", async () => {
      expect(reported.exitCode, reported.output).to.equal(0);
      expect(await runningSince(demo)).to.deep.equal(served);
      expect((await operator.outputs()).release).to.equal("v1.0.0");
    });

    it("loses no message", async () => {
      expect(await prober.missingMarkers()).to.deep.equal([]);
    });
  });
});

/** Somebody else, with a stack of their own, who wants another release on the same server. */
async function anotherOperator(demo: DemoServer): Promise<Run> {
  const other = await operatorOf(demo);
  try {
    await other.configure({ release: "v1.0.0" });
    return await other.up("--skip-preview");
  } finally {
    await other.leave();
  }
}

/** An update that runs while the test goes on. */
interface Running {
  /** Resolves when its output has a text. */
  says(text: string): Promise<void>;
  /** ^C. */
  interrupt(): void;
  /** Its processes, the engine first. */
  processes(): Promise<Process[]>;
  end: Promise<Run>;
}

function start(operator: Operator): Running {
  const child = operator.start(...UP);
  let output = "";
  child.all.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const end = child.then(({ exitCode }) => ({ exitCode: exitCode ?? -1, output }));
  return {
    end,
    interrupt: () => void child.kill("SIGINT"),
    processes: () => processTree(child.pid ?? -1),
    says: async (text) => {
      let ended = false;
      void end.then(() => (ended = true));
      while (!output.includes(text)) {
        if (ended) throw new Error(`pulumi ended without "${text}":\n${output}`);
        await pause();
      }
    },
  };
}

/** Those of the processes that have not ended in time. */
async function remainingAfter(processes: readonly Process[], limit: number): Promise<Process[]> {
  const begun = performance.now();
  for (;;) {
    const left = await stillRunning(processes);
    const waited = performance.now() - begun;
    if (left.length === 0) {
      console.log(`        (provider and ssh ended after ${(waited / 1_000).toFixed(1)} s)`);
      return [];
    }
    if (waited > limit) return left;
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}
