import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { useOwnCache } from "./own-cache.ts";
import { serversOfTheTests } from "./server-names.ts";
import { runOnServers } from "./server-run.ts";

describe("a run on the servers of the tests", () => {
  let events: string[];
  let lines: string[];

  useOwnCache();
  beforeEach(() => {
    [events, lines] = [[], []];
  });

  it("uses the servers that a whole run left", async () => {
    await run(async () => true);
    await run(async () => true);
    expect(events).to.deep.equal(["levels", "levels"]);
    expect(lines).to.deep.equal([]);
  });

  it("removes the servers first that an interrupted run left, and says so", async () => {
    await run(async () => false);
    const error = await run(() => Promise.reject(new Error("no luck"))).catch(String);
    expect(error).to.contain("no luck");
    await run(async () => true);
    await run(async () => true);
    const removed = serversOfTheTests().map((name) => `removed ${name}`);
    expect(events).to.deep.equal([
      ...["levels", ...removed, "levels", ...removed, "levels"],
      "levels",
    ]);
    expect(lines).to.have.length(2);
    expect(lines[0]).to.contain("interrupted");
  });

  it("waits for another run on this machine, and tells which", async () => {
    const first = run(async () => {
      while (lines.length === 0) await sleep(20);
      events.push("end of the first");
      return true;
    });
    while (events.length === 0) await sleep(20);
    await Promise.all([first, run(async () => true)]);
    expect(events).to.deep.equal(["levels", "end of the first", "levels"]);
    expect(lines.join()).to.contain(`Waiting for process ${process.pid}, which runs the server`);
  });

  function run(levels: () => Promise<boolean>): Promise<void> {
    return runOnServers({
      levels: () => {
        events.push("levels");
        return levels();
      },
      destroy: async (name) => events.push(`removed ${name}`),
      report: (line) => lines.push(line),
    });
  }
});
