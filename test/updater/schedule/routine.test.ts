import { mkdir, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { type BackupManifest, listBackups, takeBackup } from "../../../updater/backups.ts";
import { ensureInstance } from "../../../updater/instance.ts";
import { Job } from "../../../updater/job.ts";
import { type InstancePaths, instancePaths } from "../../../updater/paths.ts";
import {
  type JobRequest,
  PROTOCOL,
  type SubmitAnswer,
  type Verdict,
} from "../../../updater/protocol.ts";
import { runRoutine, SCHEDULE } from "../../../updater/schedule/routine.ts";
import type { ScheduleState } from "../../../updater/schedule/protocol.ts";
import { readSchedule } from "../../../updater/schedule/schedule.ts";
import { useServerPrograms } from "../server-programs.ts";
import { useTemporaryDirectory } from "../temporary.ts";

const RUNNER = { node: "/node", updater: "/updater" };

describe("what a timer starts", () => {
  const temporary = useTemporaryDirectory();
  useServerPrograms(temporary);
  let paths: InstancePaths;
  let requests: JobRequest[];

  beforeEach(async () => {
    paths = instancePaths(temporary("chat"));
    await mkdir(paths.state, { recursive: true });
    await ensureInstance(paths, "chatalot");
    requests = [];
    const schedule = { backup: "daily UTC", keep: 1 };
    await writeFile(
      paths.schedule,
      JSON.stringify({ schedule, setAt: new Date().toISOString(), pause: 0 }),
    );
  });

  /** Answers every request with a job that is closed by the next look. */
  function answering(
    outcome: Verdict["outcome"],
    before?: () => Promise<SubmitAnswer | undefined>,
  ) {
    return async (request: JobRequest): Promise<SubmitAnswer> => {
      requests.push(request);
      const other = await before?.();
      if (other !== undefined) return other;
      const sequence = 100 + requests.length;
      const job = await open(sequence);
      await job.record({ type: "closed", verdict: verdict(outcome) });
      return { answer: "started", sequence, instanceId: "instance" };
    };
  }

  const verdict = (outcome: Verdict["outcome"]): Verdict =>
    ({ outcome, text: `it is ${outcome}`, durations: {} }) as Verdict;

  function open(sequence: number): Promise<Job> {
    return Job.open(
      paths,
      sequence,
      { kind: "backup", instanceId: "i", project: "chatalot", requestedBy: SCHEDULE },
      {
        ...{ type: "opened", protocol: PROTOCOL, sequence, kind: "backup", requestId: "x" },
        ...{ requestedBy: SCHEDULE, runner: RUNNER },
      },
    );
  }

  const run = (ask: (request: JobRequest) => Promise<SubmitAnswer>, routine = "backup" as const) =>
    runRoutine(paths.directory, routine, RUNNER, { interval: 5, ask });

  const state = async (): Promise<ScheduleState> => {
    const found = await readSchedule(paths);
    if (found === undefined) throw new Error("there is no schedule");
    return found;
  };

  async function backup(sequence: number, kind: BackupManifest["kind"]): Promise<void> {
    await takeBackup(paths, `00000${sequence}-20240101T000000Z`, async (file) => {
      await writeFile(file, "dump");
      return {
        ...{ format: 1, sequence, instanceId: "i", takenAt: "2024-01-01T00:00:00.000Z" },
        ...{ release: { name: "v1.0.0", commit: "a".repeat(40) }, databaseSize: 1 },
        ...(kind === undefined ? {} : { kind }),
        dump: {} as BackupManifest["dump"],
        proof: { restoredAt: "2024-01-01T00:00:00.000Z" },
      };
    });
  }

  it("asks for a job as the instance's own clock, and notes how it went", async () => {
    expect(await run(answering("done"))).to.equal("it is done");
    expect(requests[0]).to.include({ kind: "backup", scheduled: true, requestedBy: SCHEDULE });
    const { routines, problems } = await state();
    expect(routines.backup?.last).to.include({ outcome: "done", text: "it is done" });
    expect(problems).to.deep.equal([]);
  });

  it("fails, and says so from then on, where the job did not end well", async () => {
    let message = "";
    await run(answering("untouched")).catch((error: Error) => (message = error.message));
    expect(message).to.equal("it is untouched");
    const { problems } = await state();
    expect(problems.join()).to.match(/^the last scheduled backup failed \(.*\): it is untouched$/);
    await run(answering("done"));
    expect((await state()).problems).to.deep.equal([]);
  });

  it("fails at a refusal", async () => {
    const refused: SubmitAnswer = { answer: "refused", reasons: ["somebody has to decide"] };
    let message = "";
    await run(answering("done", async () => refused)).catch((e: Error) => (message = e.message));
    expect(message).to.equal("somebody has to decide");
  });

  it("waits for an update that is under way, also for one that came between", async () => {
    const other = await open(50);
    setTimeout(() => void other.record({ type: "closed", verdict: verdict("done") }), 60);
    let isFirst = true;
    const between = async (): Promise<SubmitAnswer | undefined> => {
      if (!isFirst) return undefined;
      isFirst = false;
      const job = await open(60);
      setTimeout(() => void job.record({ type: "closed", verdict: verdict("done") }), 60);
      return { answer: "refused", reasons: ["job 60 is under way"] };
    };
    expect(await run(answering("done", between))).to.equal("it is done");
    expect(requests).to.have.length(2);
  });

  it("keeps as many of its own as it should, and all that others took", async () => {
    await backup(1, "scheduled");
    await backup(2, undefined);
    await backup(3, "manual");
    await backup(4, "scheduled");
    await run(answering("done"));
    const names = (await listBackups(paths)).map(({ manifest }) => manifest.sequence);
    expect(names).to.deep.equal([2, 3, 4]);
  });

  it("warns where no backup was proven for longer than the clock allows", async () => {
    const day = 24 * 3_600_000;
    const setAt = new Date(Date.now() - 3 * day).toISOString();
    const schedule = { backup: "daily UTC", keep: 1 };
    await writeFile(paths.schedule, JSON.stringify({ schedule, setAt, pause: day }));
    expect((await state()).problems.join()).to.match(/^no backup was proven since .*72 hours ago$/);
  });
});
