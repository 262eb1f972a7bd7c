import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { Job, type JournalRecord, openJob } from "../../updater/job.ts";
import { runOpenJob } from "../../updater/run.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { container, FakeDriver, healthy } from "./fake-driver.ts";
import {
  applied,
  DATABASE,
  ledgerRecord,
  makeContext,
  NEW_COMMIT,
  OLD_COMMIT,
  servingRecord,
  switchPlan,
} from "./samples.ts";
import { useServerPrograms } from "./server-programs.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

const FULL = "write /var/lib/docker/tmp: no space left on device";

/** A server whose disk is full for some of the starts, and that notes when it is asked what can be freed. */
class FullDisk extends FakeDriver {
  constructor(
    private readonly context: JobContext,
    private failingStarts: number,
  ) {
    super();
  }

  /** The journal at each question for what can be freed. */
  readonly asked: JournalRecord[][] = [];

  override async start(...call: Parameters<FakeDriver["start"]>) {
    this.failingStarts -= 1;
    if (this.failingStarts >= 0) throw new Error(FULL);
    this.current = container(OLD_COMMIT);
    return super.start(...call);
  }

  override async reclaimable() {
    const { paths, job } = this.context;
    this.asked.push((await Job.read(paths, job.sequence))?.records ?? []);
    return [{ what: "the build cache", bytes: 5_000_000, command: "docker builder prune" }];
  }
}

describe("a disk that gets full while the chat is stopped", () => {
  const temporary = useTemporaryDirectory();
  useServerPrograms(temporary);
  const previous = ledgerRecord();

  async function ready(failingStarts: number): Promise<JobContext & { disk: FullDisk }> {
    const plan = switchPlan({ previous });
    if (plan.target !== undefined) plan.target.gate.mustStayGoodFor = 0;
    const context = await makeContext(temporary("chat"), plan, [previous]);
    const disk = new FullDisk(context, failingStarts);
    disk.current = container(OLD_COMMIT);
    for (const commit of [OLD_COMMIT, NEW_COMMIT])
      disk.images.set(`chatalot:${commit}`, { id: `sha256:${commit}`, commit });
    disk.currentDatabase = { identity: DATABASE, applied: applied(1, 2) };
    disk.healthAnswer = healthy();
    for (const folder of [
      plan.target?.releaseDirectory,
      servingRecord(OLD_COMMIT).releaseDirectory,
    ])
      await mkdir(temporary("chat", folder ?? ""), { recursive: true });
    return { ...context, disk };
  }

  const verdictOf = async ({ paths, job }: JobContext) =>
    (await Job.read(paths, job.sequence))?.closed?.verdict;

  it("is looked at when the old server is back, and the cause is in the journal before", async () => {
    const context = await ready(1);
    await runOpenJob(context.paths.directory, () => context.disk);
    const [journal, ...more] = context.disk.asked;
    expect(more).to.deep.equal([]);
    expect(journal?.find(({ type }) => type === "failed")).to.include({ step: "J8", cause: FULL });
    expect(journal?.findLast(({ type }) => type === "done")).to.include({ step: "R3" });
    const verdict = await verdictOf(context);
    expect(verdict?.outcome).to.equal("reverted");
    expect(verdict?.cause)
      .to.match(/^write .*: no space left on device\nA disk was full .*Free now: [\d.]+ MB/)
      .and.to.contain("docker builder prune");
  });

  it("is told once where it leaves no way back, and never waited for before that", async () => {
    const context = await ready(Infinity);
    while ((await openJob(context.paths)) !== undefined)
      await runOpenJob(context.paths.directory, () => context.disk).catch(() => undefined);
    expect(context.disk.asked).to.have.length(1);
    const verdict = await verdictOf(context);
    expect(verdict?.outcome).to.equal("needs-operator");
    expect(verdict?.cause).to.contain(`Going back: ${FULL}`);
    expect(verdict?.cause?.match(/docker builder prune/g)).to.have.length(1);
    expect(await readFile(context.paths.needsOperator, "utf8")).to.contain(FULL);
  });

  it("is told as it was first where the end was recorded and the job killed", async () => {
    const context = await ready(1);
    const { paths, job, disk } = context;
    // A marker that can't be removed keeps it from being closed.
    for (const step of ["J6", "J8"]) await job.record({ type: "begun", step });
    await job.record({ type: "failed", step: "J8", cause: FULL });
    await job.record({ type: "reopened", requestedBy: "me", runner: job.opened.runner });
    for (const step of ["R1", "R3"]) await job.record({ type: "done", step });
    await mkdir(join(paths.needsOperator, "in the way"), { recursive: true });
    await errorOf(() => runOpenJob(paths.directory, () => disk));
    await errorOf(() =>
      runOpenJob(
        paths.directory,
        () => disk,
        async () => undefined,
      ),
    );
    await rm(paths.needsOperator, { recursive: true });
    await runOpenJob(paths.directory, () => disk);
    expect(disk.asked).to.have.length(1);
    expect((await verdictOf(context))?.cause).to.contain("docker builder prune");
  });
});
