import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { Job, type JournalRecord, openJob } from "../../updater/job.ts";
import { Ledger } from "../../updater/ledger.ts";
import { acquireLock, LockedError } from "../../updater/lock.ts";
import { instancePaths } from "../../updater/paths.ts";
import type { LedgerRecord } from "../../updater/protocol.ts";
import { ComposeDriver } from "../../updater/drivers/compose/compose-driver.ts";
import { docker } from "../../updater/drivers/compose/docker.ts";
import { type DriverOf, runOpenJob } from "../../updater/run.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { ledgerRecord, makeContext, NEW_COMMIT, servingRecord, switchPlan } from "./samples.ts";
import { inspectedContainer, useServerPrograms } from "./server-programs.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

/** Fails at once where the real one waits for a daemon that is being restarted. */
class ImpatientDriver extends ComposeDriver {
  override async waitUntilReady(): Promise<void> {
    await docker("ask whether Docker answers", ["version"]);
  }
}

const impatient: DriverOf = (paths, project) => new ImpatientDriver(paths, project);

describe("runOpenJob", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  const directory = () => temporary("chat");
  const previous = ledgerRecord();

  const closed = async ({ paths, job }: JobContext) =>
    (await Job.read(paths, job.sequence))?.closed?.verdict;
  const stepsOf = async ({ paths, job }: JobContext, type: JournalRecord["type"]) =>
    (await Job.read(paths, job.sequence))?.records.flatMap((record) =>
      record.type === type && "step" in record ? [record.step] : [],
    );
  const records = async (): Promise<readonly LedgerRecord[]> =>
    (await Ledger.read(instancePaths(directory()))).records;
  const isDisarmed = async (): Promise<boolean> =>
    (await programs.calls()).some((call) => call.startsWith("systemctl disable"));

  function openSwitch(before: LedgerRecord | undefined): Promise<JobContext> {
    const plan = switchPlan(before === undefined ? {} : { previous: before });
    return makeContext(directory(), plan, before === undefined ? [] : [before]);
  }

  function openPrepare(): Promise<JobContext> {
    const { target: _, ...plan } = switchPlan({ previous });
    return makeContext(directory(), { ...plan, kind: "prepare" }, [previous]);
  }

  /** Runs it as the unit does, again and again, and counts how often it had to. */
  async function runUntilClosed(context: JobContext): Promise<number> {
    for (let starts = 1; starts <= 10; starts += 1) {
      await runOpenJob(directory(), impatient).catch(() => undefined);
      if ((await openJob(context.paths)) === undefined) return starts;
    }
    throw new Error("it was not closed after ten starts");
  }

  it("ends at once when no job is open, and is not started at the next boot", async () => {
    const context = await openPrepare();
    await programs.dockerIs("down");
    await runOpenJob(directory(), impatient);
    const journal = await readFile(context.job.paths.journal);
    await runOpenJob(directory(), impatient);
    expect(await readFile(context.job.paths.journal)).to.deep.equal(journal);
    expect(await isDisarmed()).to.equal(true);
  });

  it("leaves the job to whoever holds the lock", async () => {
    const context = await openPrepare();
    const lock = await acquireLock(context.paths.lock);
    expect(await errorOf(() => runOpenJob(directory(), impatient))).to.be.instanceOf(LockedError);
    await lock.release();
    expect(await stepsOf(context, "begun")).to.deep.equal([]);
    expect(await isDisarmed()).to.equal(false);
  });

  it("ends untouched when a step before the stop fails, with its cause", async () => {
    const context = await openPrepare();
    await programs.dockerIs("down");
    await runOpenJob(directory(), impatient);
    const verdict = await closed(context);
    expect(verdict?.outcome).to.equal("untouched");
    expect(verdict?.text).to.contain("v1.0.0 (aaaaaaa) serves as before");
    expect(verdict?.cause).to.contain("Cannot connect to the Docker daemon");
    expect(await stepsOf(context, "begun")).to.deep.equal(["J1"]);
    expect((await records()).at(-1)).to.include({ outcome: "untouched", kind: "prepare" });
    expect(await isDisarmed()).to.equal(true);
  });

  it("says what is free on which disk when a step finds no room", async () => {
    const context = await openPrepare();
    await programs.dockerIs("full");
    await runOpenJob(directory(), impatient);
    const verdict = await closed(context);
    expect(verdict?.outcome).to.equal("untouched");
    expect(verdict?.cause).to.contain("no space left on device");
    expect(verdict?.cause).to.match(/\nA disk was full .*Free now: [\d.]+ MB.* on .*chat/);
  });

  it("begins again after a kill before the stop, but not for ever", async () => {
    const context = await openPrepare();
    const { job } = context;
    await programs.dockerIs("down");
    await job.record({ type: "begun", step: "J1" });
    for (let kill = 0; kill < 5; kill += 1) await job.record({ type: "attempt", boot: "boot" });
    await runOpenJob(directory(), impatient);
    expect(await closed(context)).to.include({ outcome: "untouched" });
    expect((await closed(context))?.cause)
      .to.contain("interrupted")
      .and.to.contain("step J1");
    expect(await programs.calls()).to.satisfy((calls: string[]) =>
      calls.every((call) => call.startsWith("systemctl")),
    );
  });

  it("touches nothing once it was asked to stop", async () => {
    const context = await openSwitch(previous);
    await writeFile(join(context.job.paths.directory, "abort"), "");
    await runOpenJob(directory(), impatient);
    expect(await closed(context)).to.include({ outcome: "untouched" });
    expect((await closed(context))?.cause).to.contain("as asked");
    expect(await stepsOf(context, "begun")).to.deep.equal([]);
    expect((await programs.calls()).filter((call) => call.startsWith("docker"))).to.deep.equal([]);
  });

  it("never goes forward after a kill behind the stop: it takes back in reverse", async () => {
    const context = await openSwitch(previous);
    for (const step of ["J1", "J6", "J8"]) await context.job.record({ type: "begun", step });
    await programs.containerIs({
      ...inspectedContainer(NEW_COMMIT, true),
      HostConfig: { RestartPolicy: { Name: "unless-stopped" } },
    });
    await errorOf(() => runOpenJob(directory(), impatient));
    expect(await stepsOf(context, "failed")).to.deep.equal(["J8"]);
    expect(await stepsOf(context, "begun")).to.deep.equal(["J1", "J6", "J8", "R1", "R3"]);
    const calls = (await programs.calls()).filter((call) => /^docker (update|stop)/.test(call));
    expect(calls[0]).to.match(/^docker update --restart no /);
    expect(calls[1]).to.match(/^docker stop /);
    expect(await isDisarmed()).to.equal(false);
  });

  it("repeats no way back that is done", async () => {
    const context = await openSwitch(previous);
    for (const step of ["J6", "J8"]) await context.job.record({ type: "begun", step });
    await context.job.record({ type: "failed", step: "J8", cause: "it panics" });
    for (const step of ["R1", "R3"]) await context.job.record({ type: "done", step });
    await programs.dockerIs("down");
    await runOpenJob(directory(), impatient);
    const verdict = await closed(context);
    expect(verdict).to.include({ outcome: "reverted", cause: "it panics" });
    expect((await programs.calls()).filter((call) => call.startsWith("docker"))).to.deep.equal([]);
  });

  it("gives up a way back that fails again and again, and tells the operator", async () => {
    const context = await openSwitch(previous);
    await context.job.record({ type: "begun", step: "J6" });
    await programs.dockerIs("down");
    expect(await runUntilClosed(context)).to.be.within(3, 6);
    const verdict = await closed(context);
    expect(verdict?.outcome).to.equal("needs-operator");
    expect(verdict?.text).to.match(/^NEEDS YOU /);
    const marker = await readFile(context.paths.needsOperator, "utf8");
    expect(marker).to.contain("interrupted at step J6").and.to.contain("Docker daemon");
    expect((await records()).at(-1)).to.include({ outcome: "needs-operator" });
    expect(await isDisarmed()).to.equal(true);
  });

  it("only stops a first deployment that failed", async () => {
    const context = await openSwitch(undefined);
    for (const step of ["J6", "J8"]) await context.job.record({ type: "begun", step });
    await context.job.record({ type: "failed", step: "J9", cause: "it panics" });
    await programs.containerIs(null);
    await runOpenJob(directory(), impatient);
    expect(await closed(context)).to.include({ outcome: "stopped", cause: "it panics" });
    expect((await records()).at(-1)).to.include({ outcome: "stopped" });
  });

  it("finishes what was committed, and reverts it never", async () => {
    const context = await openSwitch(previous);
    for (const step of ["J6", "J8", "J9"]) await context.job.record({ type: "begun", step });
    await context.job.record({
      type: "committed",
      serving: servingRecord(NEW_COMMIT),
      durations: { total: 1 },
    });
    await programs.containerIs(inspectedContainer(NEW_COMMIT, true));
    await runOpenJob(directory(), impatient);
    expect(await closed(context)).to.include({ outcome: "done" });
    expect(await programs.calls()).to.include(
      "docker update --restart unless-stopped 0123456789ab",
    );
    expect((await records()).at(-1)?.serving).to.deep.equal(servingRecord(NEW_COMMIT));
    expect(await stepsOf(context, "failed")).to.deep.equal([]);
  });

  it("keeps a committed job open while its cleaning fails, and tries it less and less often", async () => {
    const context = await openSwitch(previous);
    await context.job.record({
      type: "committed",
      serving: servingRecord(NEW_COMMIT),
      durations: { total: 1 },
    });
    await programs.dockerIs("down");
    const pauses: number[] = [];
    const pause = async (milliseconds: number): Promise<void> => void pauses.push(milliseconds);
    for (let start = 0; start < 9; start += 1)
      await errorOf(() => runOpenJob(directory(), impatient, pause));
    expect(pauses.map((milliseconds) => milliseconds / 1_000)).to.deep.equal([
      ...[2, 4, 8, 16, 30],
      ...[30, 30, 30],
    ]);
    const journal = (await openJob(context.paths))?.records ?? [];
    expect(journal.filter(({ type }) => type === "attempt")).to.have.length(6);
    expect((await openJob(context.paths))?.sequence).to.equal(context.job.sequence);
    expect(await isDisarmed()).to.equal(false);
    expect(await records()).to.have.length(1);
  });

  it("goes on closing a job that has ended, with a pause, its cause told and nothing recorded", async () => {
    const context = await openSwitch(previous);
    const { job, paths } = context;
    for (const step of ["R1", "R3"]) await job.record({ type: "done", step });
    await job.record({ type: "reopened", requestedBy: "me", runner: job.opened.runner });
    const { sequence } = job;
    await context.ledger.append(ledgerRecord({ sequence, outcome: "reverted", reopenings: 1 }));
    // A marker that can't be removed.
    await mkdir(paths.needsOperator, { recursive: true });
    const before = await readFile(job.paths.journal);
    const pauses: number[] = [];
    for (let start = 0; start < 5; start += 1)
      await errorOf(() => runOpenJob(directory(), impatient, async (time) => pauses.push(time)));
    expect(pauses).to.deep.equal([30_000, 30_000, 30_000, 30_000, 30_000]);
    expect(await readFile(job.paths.journal)).to.deep.equal(before);
    expect(await readFile(job.paths.progress, "utf8")).to.contain("can't be closed yet: E");
    await rm(paths.needsOperator, { recursive: true });
    await runOpenJob(directory(), impatient);
    expect(await closed(context)).to.include({ outcome: "reverted" });
  });
});
