import { stat, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { closeJob } from "../../updater/close.ts";
import { nameExists } from "../../updater/files.ts";
import { Job } from "../../updater/job.ts";
import { Ledger } from "../../updater/ledger.ts";
import { PROTOCOL, type ResolveAnswer, type ResolveRequest } from "../../updater/protocol.ts";
import { resolve } from "../../updater/resolve.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import type { FakeDriver } from "./fake-driver.ts";
import { applied, DATABASE, ledgerRecord, makeContext, switchPlan } from "./samples.ts";
import { useServerPrograms } from "./server-programs.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const CAUSE = "it ended by itself with exit code 101";

describe("resolve", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  const previous = ledgerRecord();
  type Context = JobContext & { driver: FakeDriver };

  /** A switch that could not go back; the marker is there. */
  async function needsOperator(plan = switchPlan({ previous })): Promise<Context> {
    const context = await makeContext(temporary("chat"), plan, [previous]);
    await context.job.record({ type: "begun", step: "J8" });
    await context.job.record({ type: "failed", step: "J9", cause: CAUSE });
    await context.job.record({ type: "done", step: "R1" });
    await context.job.record({ type: "begun", step: "R3" });
    await writeFile(context.paths.needsOperator, "job 2 could not go back\n");
    await closeJob(context, "needs-operator", { note: "no such image" });
    // The unit takes it up at once: there is nothing to wait for.
    return context;
  }

  function ask(context: Context, action: ResolveRequest["action"]): Promise<ResolveAnswer> {
    const { directory } = context.paths;
    return resolve(
      { protocol: PROTOCOL, directory, action, requestedBy: "me@here" },
      { node: "/usr/bin/node", updater: "/opt/new.mjs" },
      () => ({
        driver: context.driver,
        containers: async () => [{ name: "chatalot-server", state: "exited" }],
      }),
    );
  }

  const reread = async ({ paths, job }: Context): Promise<Job> => {
    const found = await Job.read(paths, job.sequence);
    if (found === undefined) throw new Error("the job is gone");
    return found;
  };
  const hasMarker = ({ paths }: Context): Promise<boolean> => nameExists(paths.needsOperator);

  it("has nothing to do where no job needs the operator", async () => {
    const context = await makeContext(temporary("chat"));
    for (const action of ["show", "clear", "take-back"] as const)
      expect(await ask(context, action)).to.deep.equal({ answer: "nothing" });
  });

  it("shows cause, containers, databases and what the old release can't start on", async () => {
    const context = await needsOperator();
    const { driver, job } = context;
    driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2, 3) };
    driver.databaseTools.databases.push(`chatalot_before_${job.sequence}`);
    const answer = await ask(context, "show");
    if (answer.answer !== "shown") throw new Error(answer.answer);
    const { predicament } = answer;
    expect(predicament.job?.cause).to.contain(CAUSE).and.to.contain("no such image");
    expect(predicament.job?.previous?.name).to.equal("v1.0.0");
    expect(predicament.containers).to.deep.equal([{ name: "chatalot-server", state: "exited" }]);
    expect(predicament.database).to.deep.include({
      name: "chatalot",
      unknownBefore: applied(3),
      revertPoint: `chatalot_before_${job.sequence}`,
      failed: `chatalot_failed_${job.sequence}`,
      failedIsThere: false,
    });
    expect(predicament).not.to.have.property("noWayBack");
    expect(driver.calls).to.deep.equal([]);
    expect(await hasMarker(context)).to.equal(true);
  });

  it("shows what it can where the database does not answer", async () => {
    const answer = await ask(await needsOperator(), "show");
    if (answer.answer !== "shown") throw new Error(answer.answer);
    expect(answer.predicament).not.to.have.property("database");
    expect(answer.predicament.job?.cause).to.contain(CAUSE);
  });

  it("clears the marker and leaves the job as it ended", async () => {
    const context = await needsOperator();
    expect(await ask(context, "clear")).to.deep.equal({ answer: "cleared" });
    expect(await hasMarker(context)).to.equal(false);
    expect((await reread(context)).closed?.verdict.outcome).to.equal("needs-operator");
  });

  it("opens the job again to be taken back, by a record, and starts its unit", async () => {
    const context = await needsOperator();
    const offset = (await stat(context.job.paths.progress)).size;
    const taking = ask(context, "take-back");
    // As the unit does, for which the answer waits.
    for (let look = 0; look < 2_000 && (await reread(context)).reopenings === 0; look += 1)
      await new Promise((done) => setTimeout(done, 20));
    await (await reread(context)).record({ type: "attempt", boot: "boot" });
    expect(await taking).to.deep.equal({
      answer: "reopened",
      sequence: context.job.sequence,
      offset,
    });
    const job = await reread(context);
    expect(job.closed).to.equal(undefined);
    expect(job.isDone("R1")).to.equal(false);
    expect(job.attempts).to.equal(1);
    expect(await hasMarker(context)).to.equal(true);
    expect((await programs.calls()).some((call) => call.startsWith("systemctl start"))).to.equal(
      true,
    );

    for (const action of ["clear", "take-back"] as const) {
      const again = await ask(context, action);
      expect(again.answer).to.equal("refused");
      expect(JSON.stringify(again))
        .to.contain("Another job is under way")
        .and.contain("at step R3");
    }
    expect((await reread(context)).reopenings).to.equal(1);
  });

  it("replaces the record of the job, and removes the marker, when it is taken back", async () => {
    const context = await needsOperator();
    await context.job.record({
      type: "reopened",
      requestedBy: "me@here",
      runner: { node: "/usr/bin/node", updater: "/opt/new.mjs" },
    });
    // Twice, as after a kill between the ledger's record and the journal's.
    for (let time = 0; time < 2; time += 1) {
      const job = await reread(context);
      await closeJob({ ...context, job, ledger: await Ledger.read(context.paths) }, "reverted");
    }
    const { records } = await Ledger.read(context.paths);
    expect(records).to.have.length(2);
    expect(records.at(-1)).to.include({ outcome: "reverted", reopenings: 1 });
    expect(await hasMarker(context)).to.equal(false);
  });

  it("refuses to take back where nothing served before", async () => {
    const context = await needsOperator(switchPlan());
    const answer = await ask(context, "take-back");
    expect(JSON.stringify(answer))
      .to.contain("refused")
      .and.to.contain("Nothing served before job");
    expect((await reread(context)).reopenings).to.equal(0);
  });

  it("refuses to take back a job that ended otherwise, whatever the marker says", async () => {
    const context = await makeContext(temporary("chat"), switchPlan({ previous }), [previous]);
    await context.job.record({ type: "failed", step: "J1", cause: CAUSE });
    await closeJob(context, "untouched");
    await writeFile(context.paths.needsOperator, "put here by hand\n");
    expect(JSON.stringify(await ask(context, "take-back"))).to.contain('ended as \\"untouched\\"');
  });
});
