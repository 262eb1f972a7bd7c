import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { runHookProcess } from "../../../updater/hooks/process.ts";
import { waitUntil } from "../../transport/sshd.ts";
import { useTemporaryDirectory } from "../temporary.ts";

describe("runHookProcess", () => {
  const temporary = useTemporaryDirectory();

  async function run(
    script: string,
    options: { timeLimit?: number; signal?: AbortSignal; args?: string[] } = {},
  ): Promise<{ problem: string | undefined; lines: string[] }> {
    const program = temporary("program");
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o700);
    const lines: string[] = [];
    const problem = await runHookProcess({
      argv: [program, ...(options.args ?? [])],
      environment: { PATH: process.env.PATH ?? "", FACT: "of the job" },
      directory: temporary(),
      timeLimit: options.timeLimit ?? 20_000,
      onLine: (line) => void lines.push(line),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return { problem, lines };
  }

  /** Whether a process is there that is more than a name in the table. */
  async function lives(pid: string): Promise<boolean> {
    const stat = await readFile(`/proc/${pid.trim()}/stat`, "utf8").catch(() => "");
    return stat !== "" && !/^\d+ \(.*\) [ZX] /.test(stat);
  }

  /** Waits until the process is gone that wrote its number: from the signal to its end, it takes a moment. */
  async function untilChildIsGone(): Promise<void> {
    const pid = await readFile(temporary("child"), "utf8");
    await waitUntil("the hook's child is gone", async () => !(await lives(pid)));
  }

  it("gives every line as it comes, of both streams, and no problem where it ends well", async () => {
    const { problem, lines } = await run("echo one; echo two >&2; printf three");
    expect(problem).to.equal(undefined);
    expect(lines.sort()).to.deep.equal(["one", "three", "two"]);
  });

  it("tells the exit code and the last lines of what failed", async () => {
    const { problem } = await run("for n in $(seq 20); do echo line $n; done; exit 3");
    expect(problem).to.match(/^exit code 3: line 13\nline 14\n.*line 20$/s);
  });

  it("gives the program nothing but the environment it was meant to have", async () => {
    process.env.SECRET_OF_THE_OPERATOR = "hidden";
    const { lines } = await run("env").finally(() => delete process.env.SECRET_OF_THE_OPERATOR);
    const names = lines.map((line) => line.split("=")[0]);
    expect(names).to.include("FACT").and.not.to.include("SECRET_OF_THE_OPERATOR");
    expect(names.filter((name) => !["FACT", "PATH", "PWD", "SHLVL", "_"].includes(name ?? ""))).to
      .be.empty;
  });

  it("gives arguments as they are, whatever a shell would make of them", async () => {
    const hostile = ["$(touch injected)", "; touch injected", "a b", "*", "`id`"];
    const { lines } = await run('for word in "$@"; do echo "$word"; done', { args: hostile });
    expect(lines).to.deep.equal(hostile);
  });

  it("takes colours and control characters out of what it says, and cuts endless lines", async () => {
    const { problem, lines } = await run(
      `printf '\\033[31mred\\033[0m\\n\\033]0;title\\007named\\n'; head -c 3000000 /dev/zero | tr '\\0' x; echo; exit 1`,
    );
    expect(lines.slice(0, 2)).to.deep.equal(["red", "named"]);
    expect(lines[2]).to.match(/^x{300}$/);
    expect(problem?.length).to.be.below(1_000);
  });

  it("keeps no more than the end of endless output, and lets it end well", async () => {
    const { problem, lines } = await run("yes | head -n 200000; echo the end >&2; exit 1");
    expect(lines).to.have.length(1_000);
    expect(problem).to.contain("the end");
  });

  it("ends what takes too long, with all that it started, also what ignores being asked", async () => {
    const stubborn = `trap "" TERM; echo $$ > ${temporary("child")}; while :; do sleep 0.1; done`;
    // On a busy machine the first limit may be over before the child has begun.
    for (let seconds = 1; !existsSync(temporary("child")); seconds *= 3) {
      const { problem } = await run(`sh -c '${stubborn}' & wait`, { timeLimit: seconds * 1_000 });
      expect(problem).to.match(
        new RegExp(`^it did not end within ${seconds}\\.0 s and was killed`),
      );
    }
    await untilChildIsGone();
  });

  it("ends what it left behind, and doesn't wait for it", async () => {
    const { problem } = await run(`sleep 600 & echo $! > ${temporary("child")}`);
    expect(problem).to.equal(undefined);
    await untilChildIsGone();
  });

  it("can be interrupted, before its begin as well", async () => {
    const interruption = new AbortController();
    const running = run(`touch ${temporary("begun")}; sleep 600`, { signal: interruption.signal });
    await waitUntil("the hook has begun", () => existsSync(temporary("begun")));
    interruption.abort();
    expect((await running).problem).to.equal("it was interrupted");
    expect((await run("echo ran", { signal: interruption.signal })).lines).to.deep.equal([]);
  });

  it("says what is the matter where the program can't be started", async () => {
    const start = (file: string) =>
      runHookProcess({
        argv: [file],
        environment: {},
        directory: temporary(),
        timeLimit: 20_000,
        onLine: () => undefined,
      });
    expect(await start(temporary("nothing"))).to.contain("could not be started (ENOENT");
    await writeFile(temporary("bad"), "#!/no/such/program\n");
    await chmod(temporary("bad"), 0o700);
    expect(await start(temporary("bad"))).to.contain("its first line names");
  });
});
