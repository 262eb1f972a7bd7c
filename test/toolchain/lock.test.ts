import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { UserError } from "../../common/errors.ts";
import { withLock, type LockOptions } from "../../toolchain/lock.ts";

describe("withLock", () => {
  let directory: string;
  let lines: string[];
  let options: LockOptions;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "lock-test-"));
    lines = [];
    const report = (line: string) => lines.push(line);
    options = { what: "tests the lock", waitSeconds: 20, report, directory };
  });

  afterEach(() => rm(directory, { recursive: true }));

  it("runs one task at a time and tells the second whom it waits for", async () => {
    const events: string[] = [];
    const task = (name: string) => async () => {
      events.push(`${name} starts`);
      // As long as the first has it, until the second has said that it waits.
      while (lines.length === 0) await sleep(20);
      events.push(`${name} ends`);
    };
    const first = withLock("one", options, task("first"));
    while (events.length === 0) await sleep(20);
    await Promise.all([first, withLock("one", options, task("second"))]);
    expect(events).to.deep.equal(["first starts", "first ends", "second starts", "second ends"]);
    expect(lines.join()).to.contain(`Waiting for process ${process.pid}, which tests the lock`);
  });

  it("is free again after a task that failed", async () => {
    const failing = withLock("one", options, async () => {
      throw new Error("no luck");
    });
    const error = await failing.catch((thrown: unknown) => thrown);
    expect(error).to.have.property("message", "no luck");
    expect(await withLock("one", options, async () => "done")).to.equal("done");
    expect(lines).to.deep.equal([]);
  });

  it("does not make holders of other locks wait", async () => {
    const inner = () => withLock("two", options, async () => "done");
    expect(await withLock("one", options, inner)).to.equal("done");
  });

  it("ends with a holder that was killed", async () => {
    const source = `
      import { withLock } from ${JSON.stringify(path.resolve("toolchain/lock.ts"))};
      const options = ${JSON.stringify({ what: "hangs", waitSeconds: 5, directory })};
      await withLock("one", { ...options, report: () => undefined }, async () => {
        console.log("held");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const args = ["--import", "tsx", "--input-type=module", "--eval", source];
    const holder = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const report = (line: string): void => {
      lines.push(line);
      holder.kill("SIGKILL");
    };
    expect(await withLock("one", { ...options, report }, async () => "done")).to.equal("done");
    expect(lines.join()).to.contain("which hangs");
  });

  it("gives up with the holder's name after the time for waiting", async () => {
    await withLock("one", options, async () => {
      const second = withLock("one", { ...options, waitSeconds: 1 }, async () => undefined);
      const error = await second.catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(UserError);
      expect(error).to.have.property("message").that.contains("which tests the lock was given up");
    });
  });
});
