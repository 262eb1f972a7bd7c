import { appendFile, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { frame } from "../../updater/framed-log.ts";
import { Job, jobSequences, openJob } from "../../updater/job.ts";
import { instancePaths, jobPaths } from "../../updater/paths.ts";
import { PROTOCOL, type Verdict } from "../../updater/protocol.ts";
import { servingRecord, NEW_COMMIT, switchPlan } from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const VERDICT: Verdict = {
  sequence: 1,
  kind: "switch",
  outcome: "untouched",
  instanceId: "instance",
  text: "UNTOUCHED",
  durations: { total: 1 },
};

describe("Job", () => {
  const temporary = useTemporaryDirectory();

  async function open(sequence = 1): Promise<Job> {
    const paths = instancePaths(temporary());
    await mkdir(paths.jobs, { recursive: true });
    return Job.open(paths, sequence, switchPlan(), {
      type: "opened",
      protocol: PROTOCOL,
      sequence,
      kind: "switch",
      requestId: "request",
      requestedBy: "somebody",
      runner: { node: "/node", updater: "/updater" },
    });
  }

  const readAgain = async (sequence = 1): Promise<Job | undefined> =>
    Job.read(instancePaths(temporary()), sequence);

  it("is on the disk when it is open: plan and first record, for root alone", async () => {
    const job = await open();
    const read = await readAgain();
    expect(read?.plan).to.deep.equal(switchPlan());
    expect(read?.records).to.deep.equal(job.records);
    expect(read?.opened).to.include({ requestId: "request", sequence: 1 });
    expect((await stat(job.paths.directory)).mode & 0o777).to.equal(0o700);
    for (const file of await readdir(job.paths.directory))
      expect((await stat(`${job.paths.directory}/${file}`)).mode & 0o777, file).to.equal(0o600);
  });

  it("was never accepted when its first record is not whole", async () => {
    const { journal } = (await open()).paths;
    const first = frame({ type: "opened" });
    for (const length of [0, 1, first.length - 1]) {
      await writeFile(journal, first.subarray(0, length));
      expect(await readAgain(), `${length} bytes`).to.equal(undefined);
    }
    expect(await openJob(instancePaths(temporary()))).to.equal(undefined);
  });

  it("is open until it is closed, also when the last record was torn", async () => {
    const job = await open();
    await appendFile(job.paths.journal, frame({ type: "closed" }).subarray(0, 20));
    expect((await openJob(instancePaths(temporary())))?.sequence).to.equal(1);
    await job.record({ type: "closed", verdict: VERDICT });
    expect(await openJob(instancePaths(temporary()))).to.equal(undefined);
    expect((await readAgain())?.closed?.verdict).to.deep.equal(VERDICT);
  });

  it("is found behind a folder of a request that was never accepted", async () => {
    await open(7);
    await mkdir(jobPaths(instancePaths(temporary()), 8).directory);
    expect((await openJob(instancePaths(temporary())))?.sequence).to.equal(7);
  });

  it("is numbered, and the numbers are in order beyond six digits too", async () => {
    const paths = instancePaths(temporary());
    expect(await jobSequences(paths)).to.deep.equal([]);
    for (const sequence of [999_999, 2, 1_000_000])
      await mkdir(jobPaths(paths, sequence).directory, { recursive: true });
    await mkdir(`${paths.jobs}/lost+found`);
    expect(await jobSequences(paths)).to.deep.equal([2, 999_999, 1_000_000]);
  });

  it("counts how often its phase was begun, and begins anew with the next phase", async () => {
    const job = await open();
    const attempt = () => job.record({ type: "attempt", boot: "boot" });
    expect(job.attempts).to.equal(0);
    await attempt();
    await attempt();
    expect(job.attempts).to.equal(2);
    await job.record({ type: "failed", step: "J8", cause: "it panics" });
    expect(job.attempts).to.equal(0);
    await attempt();
    expect((await readAgain())?.attempts).to.equal(1);
    await job.record({
      type: "committed",
      serving: servingRecord(NEW_COMMIT),
      durations: { total: 1 },
    });
    expect(job.attempts).to.equal(0);
  });

  it("counts apart how often it was taken up since a step of the way back was done", async () => {
    const job = await open();
    const attempt = () => job.record({ type: "attempt", boot: "boot" });
    await attempt();
    await job.record({ type: "failed", step: "J8", cause: "it did not start" });
    for (const step of ["R2", "R3"]) {
      await attempt();
      await attempt();
      expect((await readAgain())?.attemptsWithoutProgress).to.equal(2);
      await job.record({ type: "done", step });
      expect(job.attemptsWithoutProgress).to.equal(0);
    }
    expect(job.attempts).to.equal(4);
    await attempt();
    await job.record({
      type: "reopened",
      requestedBy: "somebody",
      runner: { node: "", updater: "" },
    });
    expect(job.attemptsWithoutProgress).to.equal(0);
  });

  it("keeps the first cause when it fails more than once", async () => {
    const job = await open();
    await job.record({ type: "failed", step: "J8", cause: "first" });
    await job.record({ type: "failed", step: "R3", cause: "second" });
    expect(job.failed).to.include({ step: "J8", cause: "first" });
  });

  it("knows of each step whether it was begun and whether it was done", async () => {
    const job = await open();
    expect(job.step).to.equal("J0");
    await job.record({ type: "begun", step: "J1" });
    await job.record({ type: "done", step: "J1" });
    await job.record({ type: "begun", step: "J6" });
    const read = await readAgain();
    expect(read?.step).to.equal("J6");
    expect([read?.hasBegun("J1"), read?.isDone("J1")]).to.deep.equal([true, true]);
    expect([read?.hasBegun("J6"), read?.isDone("J6")]).to.deep.equal([true, false]);
    expect([read?.hasBegun("J8"), read?.isDone("J8")]).to.deep.equal([false, false]);
  });

  it("hands on the facts of the last time that a step was done", async () => {
    const job = await open();
    await job.record({ type: "done", step: "J6", facts: { stoppedAt: 1 } });
    await job.record({ type: "done", step: "J6", facts: { stoppedAt: 2 } });
    await job.record({ type: "done", step: "J8" });
    const read = await readAgain();
    expect(read?.factsOf("J6")).to.deep.equal({ stoppedAt: 2 });
    expect(read?.factsOf("J8")).to.deep.equal({});
    expect(read?.factsOf("J9")).to.equal(undefined);
  });

  it("never measures a negative time, though the clock was set back meanwhile", async () => {
    const job = await open();
    const at = (time: string, type: "begun" | "done") =>
      appendFile(job.paths.journal, frame({ type, step: "J9", at: `${time}T00:00:00.000Z` }));
    await at("2034-01-01", "begun");
    expect((await readAgain())?.millisecondsOf("J9")).to.equal(undefined);
    await at("2024-01-01", "done");
    expect((await readAgain())?.millisecondsOf("J9")).to.equal(0);
  });
});
