import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { processTree } from "../server/support/processes.ts";
import { runInGroup } from "./process-group.ts";

/** Starts a program that ^C does not end, and notes its number. */
const FORK = `sh -c 'trap "" INT; echo $$ > "$0"; exec sleep 600' "$1" & `;

describe("a program in a process group of its own", () => {
  let folder: string;
  let file: string;
  let stop: AbortController;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "process-group-test-"));
    file = join(folder, "pid");
    stop = new AbortController();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is ended with what it forked when it is told to stop, and says why", async () => {
    const end = run(`${FORK} wait`);
    const forked = await theForked();
    stop.abort("its time limit");
    expect(await end).to.equal("its time limit");
    expect(await processTree(forked)).to.deep.equal([]);
  });

  it("leaves nothing running when it was ended without what it forked", async () => {
    const end = run(`${FORK} until [ -s "$1" ]; do sleep 0.02; done; kill -KILL $$`);
    const forked = await theForked();
    expect(await end).to.equal("SIGKILL");
    expect(await processTree(forked)).to.deep.equal([]);
  });

  it("gives its exit code", async () => {
    expect(await run("exit 3")).to.equal(3);
  });

  it("fails where there is no such program", async () => {
    const error = await runInGroup([join(folder, "none")], {}, stop.signal).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property("code", "ENOENT");
  });

  function run(script: string): Promise<number | string> {
    return runInGroup(["sh", "-c", script, "sh", file], {}, stop.signal);
  }

  async function theForked(): Promise<number> {
    let pid = 0;
    while (pid === 0) {
      await sleep(20);
      pid = Number(await readFile(file, "utf8").catch(() => ""));
    }
    return pid;
  }
});
