import { expect } from "chai";
import { joinHistory } from "../../../cli/history/join.ts";
import { at, pastJob, pulumiUpdate } from "./samples.ts";

describe("joinHistory", () => {
  /** `job/hour of the run`, newest first. */
  const shown = (...args: Parameters<typeof joinHistory>): string[] =>
    joinHistory(...args).map(({ job, update }) => {
      const hour = update === undefined ? "-" : new Date(update.startTime).getUTCHours();
      return `${job?.sequence ?? "-"}/${hour}`;
    });

  it("puts each job beside the run that brought it, the newest first", () => {
    const jobs = [pastJob(1), pastJob(2), pastJob(3)];
    const runs = [pulumiUpdate(3), pulumiUpdate(2), pulumiUpdate(1)];
    expect(shown(jobs, runs)).to.deep.equal(["3/3", "2/2", "1/1"]);
  });

  it("shows a job whose client was killed, and a run that had no job", () => {
    expect(shown([pastJob(1), pastJob(2)], [pulumiUpdate(3), pulumiUpdate(1)])).to.deep.equal([
      "-/3",
      "2/-",
      "1/1",
    ]);
  });

  it("takes the run that was under way, not one that was refused a minute before", () => {
    const refused = pulumiUpdate(1, {
      ...{ startTime: at(1, -70), endTime: at(1, -60) },
      result: "failed",
    });
    const [first, second] = joinHistory([pastJob(1)], [pulumiUpdate(1), refused]);
    expect(first?.update?.result).to.equal("succeeded");
    expect(second?.update?.result).to.equal("failed");
  });

  it("bears clocks that are some minutes apart, and not an hour", () => {
    const late = { openedAt: at(1, 240), closedAt: at(1, 250) };
    expect(shown([pastJob(1, late)], [pulumiUpdate(1)])).to.deep.equal(["1/1"]);
    const later = { openedAt: at(2, 0), closedAt: at(2, 30) };
    expect(shown([pastJob(1, later)], [pulumiUpdate(1)])).to.deep.equal(["1/-", "-/1"]);
  });

  it("never puts a run of another release beside a job", () => {
    const other = { "chatalot-deploy:release": { value: "v9", secret: false } };
    expect(shown([pastJob(1)], [pulumiUpdate(1, { config: other })])).to.deep.equal(["1/-", "-/1"]);
  });

  it("leaves out preparations that went well, which belong to the update after them", () => {
    const prepared = pastJob(1, { kind: "prepare" });
    const failed = pastJob(2, { kind: "prepare", outcome: "untouched" });
    expect(shown([prepared, failed], [])).to.deep.equal(["2/-"]);
  });

  it("leaves out what was done with backups, and joins no run with it", () => {
    const jobs = [
      pastJob(1),
      pastJob(2, { kind: "backup" }),
      pastJob(3, { kind: "check-backups", outcome: "failed" }),
    ];
    const nameless = { "chatalot-deploy:release": { value: "", secret: false } };
    const runs = [pulumiUpdate(2, { config: nameless }), pulumiUpdate(1)];
    expect(shown(jobs, runs)).to.deep.equal(["-/2", "1/1"]);
  });

  it("joins a removal with the destroy that asked for it", () => {
    const { release: _, ...removal } = pastJob(1, { kind: "remove" });
    expect(shown([removal], [pulumiUpdate(1, { kind: "destroy" })])).to.deep.equal(["1/1"]);
  });

  it("does twice the work for twice as many entries", () => {
    const workFor = (count: number): number => {
      let reads = 0;
      const counted = <T extends object>(value: T): T =>
        new Proxy(value, {
          get: (target, name) => {
            reads += 1;
            return Reflect.get(target, name) as unknown;
          },
        });
      const numbers = Array.from({ length: count }, (_, index) => index + 1);
      // All of one release: the hardest to tell apart.
      const release = { name: "v1", commit: "1".repeat(40) };
      const config = { "chatalot-deploy:release": { value: "v1", secret: false } };
      const jobs = numbers.map((hour) => counted(pastJob(hour, { release })));
      const runs = numbers.map((hour) => counted(pulumiUpdate(hour, { config }))).reverse();
      expect(joinHistory(jobs, runs)).to.have.length(count);
      return reads;
    };
    expect(workFor(1_000) / workFor(500)).to.be.lessThan(2.1);
  });
});
