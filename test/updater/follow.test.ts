import { appendFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { expect } from "chai";
import { follow, stuckText } from "../../updater/follow.ts";
import type { FollowLine, Verdict } from "../../updater/protocol.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { makeContext } from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

describe("follow", () => {
  const temporary = useTemporaryDirectory();

  function verdictOf({ job }: JobContext): Verdict {
    return {
      sequence: job.sequence,
      kind: "switch",
      outcome: "done",
      instanceId: "instance",
      text: "DONE",
      durations: { total: 1 },
    };
  }

  async function closedJob(...texts: string[]): Promise<JobContext> {
    const context = await makeContext(temporary());
    for (const text of texts) context.progress.tell("J1", text);
    await context.progress.flushed();
    await context.job.record({ type: "closed", verdict: verdictOf(context) });
    return context;
  }

  async function followed({ job }: JobContext, offset = 0): Promise<FollowLine[]> {
    const lines: FollowLine[] = [];
    await follow(temporary(), job.sequence, offset, (line) => lines.push(line));
    return lines;
  }

  const texts = (lines: FollowLine[]): string[] =>
    lines.map((line) => (line.type === "progress" ? line.progress.text : line.verdict.text));

  it("prints what was told and ends with the verdict", async () => {
    const context = await closedJob("one", "two ü");
    expect(texts(await followed(context))).to.deep.equal(["one", "two ü", "DONE"]);
  });

  it("ends where the job's files are removed meanwhile, instead of waiting for ever", async () => {
    const { job } = await makeContext(temporary());
    const following = errorOf(() => follow(temporary(), job.sequence, 0, () => undefined));
    await rm(dirname(job.paths.journal), { recursive: true });
    expect((await following).message).to.contain("was removed meanwhile");
  });

  it("gives the same to everybody who asks, and later again", async () => {
    const context = await closedJob("one");
    const [first, second] = await Promise.all([followed(context), followed(context)]);
    expect(second).to.deep.equal(first);
    expect(await followed(context)).to.deep.equal(first);
  });

  it("goes on behind any line that was printed before", async () => {
    const context = await closedJob("one", "two ü", "three");
    const all = await followed(context);
    for (const [index, line] of all.entries())
      if (line.type === "progress")
        expect(texts(await followed(context, line.offset))).to.deep.equal(
          texts(all.slice(index + 1)),
        );
  });

  it("waits for the end of a job, and for the end of a line", async () => {
    const context = await makeContext(temporary());
    const line = JSON.stringify({ at: "", step: "J1", text: "slow" });
    await appendFile(context.job.paths.progress, line.slice(0, 10));
    const following = followed(context);
    await appendFile(context.job.paths.progress, `${line.slice(10)}\n`);
    await context.job.record({ type: "closed", verdict: verdictOf(context) });
    expect(texts(await following)).to.deep.equal(["slow", "DONE"]);
  });
});

describe("stuckText", () => {
  it("tells of a job that ends again and again, by how it ends, and of no other", () => {
    const ends = (restarts: number) => ({ restarts, result: "oom-kill" });
    expect(stuckText("/srv/chat", ends(2), ends(4))).to.equal(undefined);
    const text = stuckText("/srv/chat", ends(2), ends(5));
    expect(text).to.contain("oom-kill").and.to.contain("chatalot-deploy@srv-chat.service");
    expect(text).to.contain("/srv/chat/.deploy/unit.log");
  });
});
