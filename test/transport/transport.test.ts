import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { localTransport, openTransport, type Transport } from "../../transport/index.ts";
import { endSleepers, ownDuration, untilGone, untilRuns } from "./durations.ts";
import { failureOf } from "./errors.ts";
import { HOSTILE_VALUES } from "../support/hostile-values.ts";
import { startServer, type TestServer } from "./sshd.ts";

const timeout = 60_000;

// What every transport promises, whatever is below it.
for (const kind of ["OpenSSH", "this machine"] as const) {
  describe(`transport: ${kind}`, function () {
    this.timeout(120_000);
    let server: TestServer | undefined;
    let transport: Transport;
    /** How long the test's command sleeps. */
    let duration: string;

    before(async function () {
      this.timeout(300_000);
      if (kind === "OpenSSH") server = await startServer();
      transport = server === undefined ? localTransport() : openTransport(server.address);
    });

    after(async () => {
      await transport?.close();
      await server?.stop();
      await endSleepers();
    });

    beforeEach(() => (duration = ownDuration()));

    /** Here it is ended with the call. At a server it goes on until the limit that it has there. */
    const untilSleeperIsGone = async (): Promise<void> => {
      if (server === undefined) await untilGone(`sleep ${duration}`);
    };

    const sh = (program: string): string[] => ["sh", "-c", program];

    it("passes arguments literally", async () => {
      const values = HOSTILE_VALUES.filter((value) => !/\0/.test(value) && value.length < 1_000);
      const argv = ["printf", "%s|", ...values];
      const { stdout } = await transport.run("print", argv, { timeout });
      expect(stdout).to.equal(`${values.join("|")}|`);
    });

    it("refuses a NUL character before anything runs", async () => {
      let message = "";
      await transport
        .run("print", ["echo", "a\0b"], { timeout })
        .catch((error: Error) => (message = error.message));
      expect(message).to.equal("an argument must not contain a NUL character");
    });

    it("gives the command its standard input, or an empty one", async () => {
      for (const stdin of ["grüße", Buffer.from("grüße"), Readable.from([Buffer.from("grüße")])]) {
        const { stdout } = await transport.run("read", ["cat"], { timeout, stdin });
        expect(stdout).to.equal("grüße");
      }
      expect((await transport.run("read", ["cat"], { timeout })).stdout).to.equal("");
    });

    it("copes with a command that does not read its standard input", async () => {
      const stdin = Readable.from(endless());
      const { exitCode } = await transport.run("ignore", ["true"], { timeout, stdin });
      expect(exitCode).to.equal(0);
    });

    it("fails when its standard input can't be read", async () => {
      const stdin = new Readable({ read: () => stdin.destroy(new Error("disk is gone")) });
      let message = "";
      await transport
        .run("read", ["cat"], { timeout, stdin })
        .catch((error: Error) => (message = error.message));
      expect(message).to.contain("standard input");
    });

    it("passes on lines while the command still runs, whole characters and whole lines", async () => {
      const lines: string[] = [];
      const controller = new AbortController();
      const program =
        "printf 'a\\303'; sleep 0.2; printf '\\244b\\nc'; sleep 0.2; echo d; " +
        `sleep ${duration}`;
      const run = transport.run("talk", sh(program), {
        timeout,
        signal: controller.signal,
        onLine(line) {
          lines.push(line);
          if (lines.length === 2) controller.abort();
        },
      });
      await failureOf(run, "canceled");
      expect(lines).to.deep.equal(["aäb", "cd"]);
    });

    it("passes on a last line without a line end, and collects none of them", async () => {
      const lines: string[] = [];
      const onLine = (line: string): void => void lines.push(line);
      const { stdout } = await transport.run("talk", ["printf", "a\n\nb"], { timeout, onLine });
      expect(lines).to.deep.equal(["a", "", "b"]);
      expect(stdout).to.equal("");
    });

    it("passes on more lines than could be collected, and ends a command with an endless line", async () => {
      let size = 0;
      const onLine = (line: string): void => void (size += line.length + 1);
      await transport.run("talk", sh("yes | head -c 20000000"), { timeout, onLine });
      expect(size).to.equal(20_000_000);
      const program = `yes ${duration} | tr -d '\\n'`;
      const endless = transport.run("talk", sh(program), { timeout, onLine });
      const error = await failureOf(endless, "output");
      expect(error.message).to.contain("wrote more than 16 MiB");
      await untilGone(`yes ${duration}`);
    });

    it("ends the command when the caller of its lines fails", async () => {
      const onLine = (): never => {
        throw new RangeError("not this line");
      };
      const error = await transport
        .run("talk", sh(`sleep ${duration} & echo a; wait`), { timeout, onLine })
        .catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(RangeError);
      await untilSleeperIsGone();
    });

    it("names label, target, exit code and the last lines of standard error", async () => {
      const program = "echo secret-of-the-command >/dev/null; seq 30 >&2; exit 7";
      const error = await failureOf(transport.run("count", sh(program), { timeout }), "exit-code");
      const tail = "21\n22\n23\n24\n25\n26\n27\n28\n29\n30";
      expect(error.message).to.equal(`count on ${transport.target}: exited with code 7: ${tail}`);
      expect(error.details.exitCode).to.equal(7);
      expect(error.cause).to.equal(undefined);
      expect(JSON.stringify([error.message, error.stack])).not.to.contain("secret-of");
    });

    it("shows nothing that would control the operator's terminal", async () => {
      const program =
        "printf '\\033[31mred\\033[0m \\033]0;title\\007 \\rover \\342\\200\\256x\\n' >&2; false";
      const error = await failureOf(transport.run("paint", sh(program), { timeout }), "exit-code");
      expect(error.message).to.match(/: red {2}over x$/);
    });

    it("takes other exit codes as an answer where told so", async () => {
      const options = { timeout, acceptedExitCodes: [0, 3] };
      const result = await transport.run("ask", sh("echo a; echo b >&2; exit 3"), options);
      expect(result).to.deep.equal({ exitCode: 3, stdout: "a\n", stderr: "b\n" });
    });

    it("tells a program that is missing", async () => {
      const error = await failureOf(transport.run("start", ["no-such"], { timeout }), "exit-code");
      expect(error.details.exitCode).to.equal(127);
    });

    it("fails when time is up, which ends the command", async () => {
      const run = transport.run("wait", ["sleep", duration], { timeout: 1_000 });
      const error = await failureOf(run, "timeout");
      expect(error.timedOut).to.equal(true);
      expect(error.message).to.equal(`wait on ${transport.target}: timed out after 1 second`);
      await untilGone(`sleep ${duration}`);
    });

    it("does not wait for what a command left behind when time is up", async () => {
      const run = transport.run("wait", sh(`sleep ${duration} & sleep ${duration}`), {
        timeout: 1_000,
      });
      await failureOf(run, "timeout");
    });

    it("fails when the caller cancels, before and while it runs", async () => {
      const early = transport.run("wait", ["sleep", duration], {
        timeout,
        signal: AbortSignal.abort(),
      });
      expect((await failureOf(early, "canceled")).isCanceled).to.equal(true);
      const controller = new AbortController();
      const late = failureOf(
        transport.run("wait", ["sleep", duration], { timeout, signal: controller.signal }),
        "canceled",
      );
      await untilRuns(`sleep ${duration}`);
      controller.abort();
      expect((await late).message).to.equal(`wait on ${transport.target}: canceled`);
      await untilSleeperIsGone();
    });

    it("ends a command that writes without end", async () => {
      const error = await failureOf(
        transport.run("talk", ["yes", duration], { timeout }),
        "output",
      );
      expect(error.message).to.contain("wrote more than 16 MiB");
      await untilGone(`yes ${duration}`);
    });

    it("passes on every byte, more than can be collected, at the pace of a slow reader", async () => {
      const digest = createHash("sha256");
      let size = 0;
      const stdout = new Writable({
        write(chunk: Buffer, _encoding, done) {
          digest.update(chunk);
          size += chunk.length;
          void sleep(size < 1_000_000 ? 20 : 0).then(() => done());
        },
      });
      const program = "head -c 20000000 /dev/zero | tr '\\0' '\\377'";
      const result = await transport.run("send", sh(program), { timeout, stdout });
      await new Promise((resolve) => stdout.end(resolve));
      expect(result.stdout).to.equal("");
      expect(size).to.equal(20_000_000);
      const sent = createHash("sha256").update(Buffer.alloc(20_000_000, 255)).digest("hex");
      expect(digest.digest("hex")).to.equal(sent);
    });

    it("fails with the error of whoever takes its standard output", async () => {
      const stdout = new Writable({
        write: (_chunk, _encoding, done) => done(new RangeError("the disk is full")),
      });
      const error = await transport
        .run("send", sh(`yes; sleep ${duration}`), { timeout, stdout })
        .catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(RangeError);
    });

    it("needs a limit of time", async () => {
      for (const wrong of [0, -1, 0.5, Number.NaN, Infinity, 2 ** 31]) {
        const run = transport.run("wait", ["true"], { timeout: wrong });
        expect(await run.catch((error: unknown) => error)).to.be.instanceOf(TypeError);
      }
    });

    it("runs many commands at the same time", async () => {
      const numbers = Array.from({ length: 25 }, (_, index) => String(index));
      const results = await Promise.all(
        numbers.map((number) => transport.run("echo", ["echo", number], { timeout })),
      );
      expect(results.map(({ stdout }) => stdout.trim())).to.deep.equal(numbers);
    });

    it("runs commands as root", async () => {
      expect((await transport.run("ask", ["id", "-u"], { timeout })).stdout).to.equal("0\n");
    });

    it("ends what runs when it is closed, and closes twice", async () => {
      const other = server === undefined ? localTransport() : openTransport(server.address);
      await other.run("try", ["true"], { timeout });
      const run = failureOf(other.run("wait", ["sleep", duration], { timeout }), "canceled");
      await untilRuns(`sleep ${duration}`);
      await Promise.all([other.close(), other.close(), run]);
      await untilSleeperIsGone();
      await other.close();
      await failureOf(other.run("try", ["true"], { timeout }), "canceled");
    });
  });
}

describe("transport below sudo", function () {
  this.timeout(120_000);
  let server: TestServer;
  let directory: string;
  let transport: Transport;

  // Not root, as far as commands can tell, and a sudo that does what the test says.
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "sudo-"));
    writeFileSync(join(directory, "id"), "#!/bin/sh\necho 1000\n", { mode: 0o755 });
    server = await startServer([`SetEnv PATH=${directory}:/usr/bin:/bin SHLVL=5`]);
    transport = openTransport(server.address);
  });

  afterEach(async () => {
    await transport.close();
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  const sudoDoes = (program: string): void => {
    writeFileSync(join(directory, "sudo"), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
  };

  it("asks sudo never to ask, and passes arguments literally", async () => {
    sudoDoes('[ "$1 $2" = "-n --" ] || exit 9; shift 2; VIA=sudo exec "$@"');
    const argv = ["sh", "-c", 'echo "$VIA" "$1"', "x", "$(touch PWNED) 'a'"];
    const { stdout } = await transport.run("ask", argv, { timeout });
    expect(stdout).to.equal("sudo $(touch PWNED) 'a'\n");
    const plain = await transport.run("ask", argv, { timeout, asRoot: false });
    expect(plain.stdout).to.equal(" $(touch PWNED) 'a'\n");
  });

  it("says which line sudoers needs when sudo asks for a password", async () => {
    sudoDoes("echo 'sudo: a password is required' >&2; exit 1");
    const error = await failureOf(transport.run("ask", ["true"], { timeout }), "sudo");
    expect(error.message).to.equal(
      `ask on ${transport.target}: sudo asks for a password. Add this line there with ` +
        `"visudo -f /etc/sudoers.d/chatalot-deploy": root ALL=(root) NOPASSWD: ALL. Or let it have one program ` +
        `alone: "server.access" runner, see docs/security.md`,
    );
    await transport.run("ask", ["true"], { timeout, asRoot: false });
  });

  it("notices when sudo asks for a password later on", async () => {
    sudoDoes('case "$*" in *later*) echo "sudo: a password is required" >&2; exit 1;; esac');
    await transport.run("ask", ["now"], { timeout });
    await failureOf(transport.run("ask", ["later"], { timeout }), "sudo");
  });

  describe("through the runner", () => {
    let runner: Transport;

    beforeEach(() => {
      runner = openTransport({ ...server.address, access: "runner" });
      sudoDoes(`echo "$*" >> ${directory}/calls; shift 2; exec "$@"`);
    });
    afterEach(() => runner.close());

    const calls = (): string => readFileSync(join(directory, "calls"), "utf8");

    it("asks sudo for the runner alone, with nothing before it, and never tries another", async () => {
      const program = join(directory, "runner");
      writeFileSync(program, "#!/bin/sh\ncat\n", { mode: 0o755 });
      const options = { timeout, stdin: "a call", isRunner: true };
      const { stdout } = await runner.run("call", [program], options);
      expect(stdout).to.equal("a call");
      expect(calls()).to.equal(`-n -- ${program}\n`);
    });

    it("runs nothing else as root, and says so", async () => {
      const error = await failureOf(runner.run("ask", ["id"], { timeout }), "sudo");
      expect(error.message).to.contain('"server.access" is runner').and.to.contain("access sudo");
      expect(existsSync(join(directory, "calls"))).to.equal(false);
      await runner.run("ask", ["true"], { timeout, asRoot: false });
      expect(existsSync(join(directory, "calls"))).to.equal(false);
    });

    it("names the rule and the command that writes it, where sudo refuses or there is no runner", async () => {
      for (const said of [
        "sudo: a password is required",
        "Sorry, user root is not allowed to execute '/x' as root on server.",
        "sudo: /x: command not found",
      ]) {
        sudoDoes(`echo "${said}" >&2; exit 1`);
        const run = runner.run("call", ["/x"], { timeout, isRunner: true });
        const error = await failureOf(run, "sudo");
        expect(error.message, said)
          .to.contain("npx chatalot runner --user root")
          .and.to.contain('root ALL=(root) NOPASSWD: /usr/local/sbin/chatalot-deploy-runner ""');
      }
    });
  });

  it("says that sudo is missing", async () => {
    await server.stop();
    server = await startServer([`SetEnv PATH=${directory}:/nonexistent SHLVL=5`]);
    for (const name of ["sh", "timeout", "printf", "test", "true"]) {
      writeFileSync(join(directory, name), `#!/bin/sh\nexec /usr/bin/${name} "$@"\n`, {
        mode: 0o755,
      });
    }
    await transport.close();
    transport = openTransport(server.address);
    const error = await failureOf(transport.run("ask", ["true"], { timeout }), "sudo");
    expect(error.message).to.contain("sudo is not installed");
  });

  it("refuses a login shell that adds text of its own", async () => {
    await server.stop();
    server = await startServer(['ForceCommand echo Welcome; $SHELL -c "$SSH_ORIGINAL_COMMAND"']);
    await transport.close();
    transport = openTransport(server.address);
    const error = await failureOf(transport.run("ask", ["true"], { timeout }), "login-shell");
    expect(error.message).to.contain("prints text of its own").and.to.contain("Welcome");
  });
});

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536);
}
