import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { closeJob } from "../../updater/close.ts";
import { downtimeOf } from "../../updater/downtime.ts";
import { Job } from "../../updater/job.ts";
import { Ledger } from "../../updater/ledger.ts";
import type { Outcome, Verdict } from "../../updater/protocol.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import {
  ledgerRecord,
  makeContext,
  NEW_COMMIT,
  release,
  servingRecord,
  switchPlan,
} from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const CAUSE = "it ended by itself with exit code 101";

describe("closeJob", () => {
  const temporary = useTemporaryDirectory();
  const previous = ledgerRecord();

  async function closed(context: JobContext, outcome: Outcome): Promise<Verdict> {
    await closeJob(context, outcome);
    const verdict = (await Job.read(context.paths, context.job.sequence))?.closed?.verdict;
    if (verdict === undefined) throw new Error("the journal has no verdict");
    return verdict;
  }

  async function failedSwitch(): Promise<JobContext> {
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    await context.job.record({ type: "failed", step: "J9", cause: CAUSE });
    return context;
  }

  const words: [Outcome, string][] = [
    ["untouched", "UNTOUCHED"],
    ["reverted", "REVERTED"],
    ["stopped", "STOPPED"],
    ["needs-operator", "NEEDS YOU"],
  ];
  for (const [outcome, word] of words)
    it(`begins with ${word} and names the cause when a switch ended as "${outcome}"`, async () => {
      const { text, cause } = await closed(await failedSwitch(), outcome);
      expect(text).to.match(new RegExp(`^${word} `));
      expect(text).to.contain(CAUSE);
      expect(cause).to.equal(CAUSE);
      expect(text).not.to.match(/\b(DONE|READY|REMOVED|success\w*|succeeded)\b/i);
    });

  it("says what serves after a revert, what was wanted, and how to try again", async () => {
    const context = await failedSwitch();
    const { text, serving } = await closed(context, "reverted");
    expect(text).to.equal(
      "REVERTED v1.0.0 (aaaaaaa) serves again, healthy. Cause: v1.1.0 (bbbbbbb): " +
        `${CAUSE}\nChoose another release, or try this one once more: ` +
        `pulumi config set retry ${context.job.sequence}`,
    );
    expect(serving).to.deep.equal({ name: "v1.0.0", commit: previous.release?.commit });
  });

  it("says that the old one serves as before when nothing was touched", async () => {
    const { text, serving } = await closed(await failedSwitch(), "untouched");
    expect(text).to.contain("v1.0.0 (aaaaaaa) serves as before");
    expect(serving?.name).to.equal("v1.0.0");
  });

  it("claims no server where none is known to serve", async () => {
    for (const outcome of ["stopped", "needs-operator"] as const)
      expect(await closed(await failedSwitch(), outcome)).not.to.have.property("serving");
  });

  it("says that nothing serves yet when a first deployment was not begun", async () => {
    const context = await makeContext(temporary());
    await context.job.record({ type: "failed", step: "J1", cause: CAUSE });
    expect((await closed(context, "untouched")).text).to.contain("nothing serves yet");
  });

  it("promises that nothing was deleted, and names a log, when it needs the operator", async () => {
    const context = await failedSwitch();
    const { text } = await closed(context, "needs-operator");
    expect(text).to.contain("nothing was deleted").and.to.contain(context.job.paths.progress);
  });

  it("begins with DONE when the wanted release serves, and has no cause", async () => {
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    const verdict = await closed(context, "done");
    expect(verdict.text).to.equal("DONE v1.1.0 (bbbbbbb) is serving.");
    expect(verdict.serving).to.deep.equal({ name: "v1.1.0", commit: NEW_COMMIT });
    expect(verdict).not.to.have.property("cause");
  });

  it("names no cause for a committed job, though a step failed before", async () => {
    const context = await failedSwitch();
    await context.job.record({
      type: "committed",
      serving: servingRecord(NEW_COMMIT),
      durations: { total: 1 },
    });
    expect(await closed(context, "done")).not.to.have.property("cause");
  });

  it("has words of its own for a prepared release and for a removal", async () => {
    const { target: _, ...plan } = switchPlan({ previous });
    const prepared = await makeContext(temporary(), { ...plan, kind: "prepare" });
    expect((await closed(prepared, "done")).text).to.match(/^READY v1\.1\.0 .*nothing was stopped/);
    const { release: __, ...removal } = plan;
    const removed = await makeContext(temporary("two"), { ...removal, kind: "remove" });
    expect((await closed(removed, "done")).text).to.match(/^REMOVED .*volumes/);
    const failed = await makeContext(temporary("three"), { ...removal, kind: "remove" });
    await failed.job.record({ type: "failed", step: "J6", cause: CAUSE });
    expect((await closed(failed, "failed")).text).to.match(/^FAILED .*Cause: it ended/);
  });

  it("tells the verdict as the last line of the progress", async () => {
    const context = await failedSwitch();
    const { text } = await closed(context, "reverted");
    const lines = (await readFile(context.job.paths.progress, "utf8")).trim().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).to.include({ step: "R5", text });
  });

  it("writes one record to the ledger, also when it is repeated after a kill", async () => {
    const context = await failedSwitch();
    await closeJob(context, "reverted");
    await closeJob({ ...context, ledger: await Ledger.read(context.paths) }, "reverted");
    const { records } = await Ledger.read(context.paths);
    expect(records).to.have.length(2);
    expect(records.at(-1)).to.deep.include({
      sequence: context.job.sequence,
      kind: "switch",
      outcome: "reverted",
      release: release(NEW_COMMIT),
      configurationDigest: "digest",
      from: { name: "v1.0.0", commit: previous.release?.commit },
      cause: CAUSE,
    });
    expect(records.at(-1)).not.to.have.property("serving");
  });

  it("measures the downtime from the stop to the first good answer", async () => {
    const { job } = await makeContext(temporary());
    expect(downtimeOf(job, "J9")).to.equal(undefined);
    await job.record({ type: "done", step: "J6", facts: { stoppedAt: 1_000 } });
    await job.record({ type: "done", step: "J9", facts: { firstGoodAt: 1_700 } });
    expect(downtimeOf(job, "J9")).to.equal(700);
    await job.record({ type: "done", step: "J9", facts: { firstGoodAt: 10 } });
    expect(downtimeOf(job, "J9")).to.equal(0);
    expect(downtimeOf(job, "R3")).to.equal(undefined);
  });
});
