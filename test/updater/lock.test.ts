import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { acquireLock, LockedError } from "../../updater/lock.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

const LOCK = fileURLToPath(new URL("../../updater/lock.ts", import.meta.url));

/** Takes the lock, starts a program that outlives it, says so and stays. */
const HOLDER = `
import { spawn } from "node:child_process";
const { acquireLock } = await import(${JSON.stringify(LOCK)});
await acquireLock(process.argv[1]);
const program = spawn("sleep", ["60"], { stdio: "ignore", detached: true });
console.log(program.pid);
setInterval(() => {}, 60_000);
`;

describe("acquireLock", () => {
  const temporary = useTemporaryDirectory();
  const started: ChildProcess[] = [];
  const programs: number[] = [];

  afterEach(() => {
    for (const child of started.splice(0)) child.kill("SIGKILL");
    for (const pid of programs.splice(0)) process.kill(pid, "SIGKILL");
  });

  async function startHolder(): Promise<ChildProcess> {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", HOLDER, temporary("lock")],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    started.push(child);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    programs.push(Number(line.toString()));
    return child;
  }

  it("refuses a second holder at once", async () => {
    const lock = await acquireLock(temporary("lock"));
    expect(await errorOf(() => acquireLock(temporary("lock")))).to.be.instanceOf(LockedError);
    await lock.release();
  });

  it("is free again when it was released, and may be taken any number of times", async () => {
    for (let round = 0; round < 3; round += 1) {
      const lock = await acquireLock(temporary("lock"));
      await lock.release();
    }
  });

  it("waits for the holder as long as it may", async () => {
    const first = await acquireLock(temporary("lock"));
    const waiting = acquireLock(temporary("lock"), 50);
    await first.release();
    await (await waiting).release();
  });

  it("doesn't mind what is in the file, and keeps locks on different files apart", async () => {
    const one = await acquireLock(temporary("one"));
    const other = await acquireLock(temporary("other"));
    await one.release();
    await other.release();
  });

  it("says why a lock can't be taken that nobody holds", async () => {
    const error = await errorOf(() => acquireLock(temporary("none", "lock")));
    expect(error).not.to.be.instanceOf(LockedError);
    expect(error.message).to.contain("lock failed");
  });

  it("lets one of ten through that ask at the same moment", async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, () => acquireLock(temporary("lock"))),
    );
    const locks = attempts.flatMap((attempt) =>
      attempt.status === "fulfilled" ? [attempt.value] : [],
    );
    for (const lock of locks) await lock.release();
    expect(locks).to.have.length(1);
  });

  it("is freed when its holder is killed, though a program it started lives on", async () => {
    const holder = await startHolder();
    expect(await errorOf(() => acquireLock(temporary("lock")))).to.be.instanceOf(LockedError);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    const lock = await acquireLock(temporary("lock"), 50);
    // The program is there still: it never had the lock.
    expect(process.kill(programs[0] ?? 0, 0)).to.equal(true);
    await lock.release();
  });
});
