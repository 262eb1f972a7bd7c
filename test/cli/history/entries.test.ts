import { expect } from "chai";
import { historyEntries } from "../../../cli/history/entries.ts";
import { historyTable } from "../../../cli/history/table.ts";
import { instanceHistory, pastJob, pulumiUpdate, wayBack } from "./samples.ts";

describe("historyEntries", () => {
  const kept = {
    way: "backup" as const,
    name: "000003-x",
    sequence: 3,
    at: "2026-03-01T03:00:00Z",
  };

  it("tells who, what, how long and with which backup", () => {
    const backup = { name: "000002-x", size: 9, proof: "restored" as const };
    const jobs = [pastJob(2, { backup, migrations: ["049 reactions"] })];
    const [entry] = historyEntries(instanceHistory({ jobs, serving: 2, waysBack: [wayBack(2)] }), [
      pulumiUpdate(2, { message: "go" }),
    ]);
    expect(entry).to.deep.equal({
      job: 2,
      at: "2026-03-01T02:00:10.000Z",
      by: "ada@desk",
      release: { name: "v2", commit: "2".repeat(40) },
      migrations: ["049 reactions"],
      result: "done",
      durations: { total: 30, downtime: 1.3 },
      backup,
      pulumi: { startedAt: "2026-03-01T02:00:00.000Z", result: "succeeded", message: "go" },
      back: { state: "serves", needs: "it serves", missing: [], databases: [] },
    });
  });

  const backs: [string, Parameters<typeof wayBack>[1], string, string][] = [
    ["everything there", {}, "ready", "nothing"],
    ["migrations to come", { pending: ["4 x"] }, "ready", "1 migration will be applied"],
    ["no image any more", {}, "ready", "its image is fetched or built again"],
    [
      "migrations between and a backup",
      { missing: ["4 x", "5 y"], databases: [kept] },
      "needs-database",
      "--database backup (2 migrations between)",
    ],
    [
      "migrations between and nothing kept",
      { missing: ["4 x"] },
      "needs-database",
      "--database undo-scripts (1 migration between, no database of that time is kept)",
    ],
    ["another PostgreSQL", { obstacle: "it changes" }, "impossible", "it changes"],
  ];
  for (const [what, way, state, needs] of backs)
    it(`says whether it can be gone back to: ${what}`, () => {
      const [, entry] = historyEntries(
        instanceHistory({
          jobs: [pastJob(1), pastJob(2)],
          serving: 2,
          waysBack: [wayBack(1, way, what !== "no image any more")],
        }),
        [],
      );
      expect(entry?.back).to.include({ state, needs });
    });

  it("offers no way back to what never served", () => {
    const jobs = [pastJob(1, { outcome: "reverted", cause: "it exited\nlog" })];
    const [entry] = historyEntries(instanceHistory({ jobs, waysBack: [wayBack(1)] }), []);
    expect(entry).to.include({ result: "reverted", cause: "it exited" }).and.not.property("back");
  });

  it("has a line for a run of Pulumi alone", () => {
    const [entry] = historyEntries(instanceHistory(), [pulumiUpdate(1, { kind: "refresh" })]);
    expect(entry).to.include({ result: "refresh succeeded" }).and.not.property("job");
  });

  it("is a table of one line each", () => {
    const jobs = [
      pastJob(1),
      pastJob(2, { release: { name: `v2@${"2".repeat(40)}`, commit: "2".repeat(40) } }),
    ];
    const [head, second, first, ...none] = historyTable(
      historyEntries(instanceHistory({ jobs, serving: 2, waysBack: [wayBack(1)] }), []),
    );
    expect(none).to.deep.equal([]);
    expect(head).to.match(/^JOB +WHEN +WHO .* GO BACK$/);
    expect(second).to.match(/^2 +2026-03-01 02:00 +ada@desk +v2 \(2222222\) .* it serves$/);
    expect(first).to.match(/^1 .* nothing$/);
  });
});
