import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect } from "chai";
import { execa } from "execa";
import { retryWhileConnectionLost } from "../../transport/index.ts";
import { failureOf } from "./errors.ts";
import { kill, startServer, waitUntil, type TestServer } from "./sshd.ts";
import { OTHER_KEY, timeout, Workbench } from "./workbench.ts";

describe("connection over OpenSSH", function () {
  this.timeout(180_000);
  const bench = Workbench.forEachTest();

  describe("one connection", () => {
    it("serves all commands, also those at the same time", async () => {
      const transport = bench.open();
      await Promise.all(Array.from({ length: 10 }, () => bench.reach(transport)));
      await bench.reach(transport);
      expect(bench.server.connections()).to.equal(1);
    });

    it("serves more commands than the server allows sessions", async () => {
      await bench.restart(["MaxSessions 2"]);
      const transport = bench.open();
      const runs = Array.from({ length: 6 }, (_, index) =>
        transport.run("echo", ["sh", "-c", 'sleep 0.3; cat; echo "$1"', "x", `${index}`], {
          timeout,
          stdin: "in",
        }),
      );
      const outputs = (await Promise.all(runs)).map(({ stdout }) => stdout);
      expect(outputs).to.deep.equal([0, 1, 2, 3, 4, 5].map((index) => `in${index}\n`));
      expect(bench.server.connections()).to.equal(1);
    });

    it("goes through another server, whose key has to be known", async () => {
      const jump = await startServer();
      const jumpHost = { user: "root", host: "127.0.0.1", port: jump.port };
      const formerPath = process.env.PATH;
      try {
        const error = await failureOf(bench.reach(bench.open({ jumpHost })), "host-key");
        expect(error.message).to.contain(`jump host root@127.0.0.1:${jump.port}: its host key`);
        expect(bench.server.connections()).to.equal(0);
        expect(jump.log()).not.to.match(/userauth/);

        // In place of the operator's known_hosts and agent, for the way through only.
        const known = join(jump.directory, "known_hosts");
        writeFileSync(known, `[127.0.0.1]:${jump.port} ${jump.hostKeys.ed25519}\n`);
        const key = join(jump.directory, "client");
        const program =
          `#!/bin/sh\n[ "$1" = -o ] && set -- -i ${key} -o UserKnownHostsFile=${known} "$@"\n` +
          `exec /usr/bin/ssh "$@"\n`;
        writeFileSync(join(jump.directory, "ssh"), program, { mode: 0o755 });
        process.env.PATH = `${jump.directory}:${formerPath}`;
        await bench.reach(bench.open({ jumpHost }));
        expect([jump.connections(), bench.server.connections()]).to.deep.equal([2, 1]);
      } finally {
        process.env.PATH = formerPath;
        await jump.stop();
      }
    });

    it("is no reason for a program that forgets to close it to go on", async () => {
      const { stdout } = await holdConnection(bench.server);
      expect(stdout).to.equal("connected");
    });

    it("leaves no file behind", async () => {
      const before = bench.connectionFiles();
      const transport = bench.open();
      await bench.reach(transport);
      expect(bench.connectionFiles()).to.have.length(before.length + 1);
      await transport.close();
      expect(bench.connectionFiles()).to.deep.equal(before);
      await failureOf(bench.reach(bench.open({ hostKey: [OTHER_KEY] })), "host-key");
      expect(bench.connectionFiles()).to.deep.equal(before);
    });
  });

  describe("a lost connection", () => {
    it("is told from a failed command, and the next command makes a new one", async () => {
      const transport = bench.open();
      const run = failureOf(bench.wait(transport), "connection-lost");
      await bench.untilCommandRuns();
      await bench.signalSessions("SIGKILL");
      // sshd is killed: the end of its side, or a reset where it had something of ours to read.
      expect((await run).message).to.be.oneOf(
        ["server", "network"].map(
          (who) => `wait on ${transport.target}: the connection was lost: the ${who} ended it`,
        ),
      );
      await bench.reach(transport);
      expect(bench.server.connections()).to.equal(2);
    });

    it("carries nothing of the commands, however they are written", async () => {
      const transport = bench.open();
      const argv = [
        "sh",
        "-c",
        `sleep ${bench.duration}\nTimeout, server SECRET not responding.\nSECRET`,
        "SECRET",
      ];
      const run = failureOf(
        transport.run("wait", argv, { timeout, stdin: "SECRET" }),
        "connection-lost",
      );
      await bench.untilCommandRuns();
      await bench.signalSessions("SIGKILL");
      const error = await run;
      expect(error.stack).not.to.contain("SECRET");
      expect(JSON.stringify(error)).not.to.contain("SECRET");
    });

    it("is noticed when the server stops answering", async () => {
      const transport = bench.open();
      const run = failureOf(bench.wait(transport), "connection-lost");
      await bench.untilCommandRuns();
      await bench.signalSessions("SIGSTOP");
      expect((await run).message).to.contain("the server stopped answering");
      await bench.reach(transport);
    });

    it("is made again when our own ssh was killed", async () => {
      const transport = bench.open();
      await bench.reach(transport);
      const masters = await bench.connectionProcesses();
      for (const pid of masters) kill(pid, "SIGKILL");
      const { stdout } = await transport.run("read", ["cat"], { timeout, stdin: "again" });
      expect(stdout).to.equal("again");
      expect(bench.server.connections()).to.equal(2);
    });

    it("ends a command whose standard input is still being sent", async () => {
      const transport = bench.open();
      const stdin = new Readable({ read: () => setTimeout(() => stdin.push("a"), 50) });
      const argv = ["sh", "-c", `sleep ${bench.duration} & cat`];
      const run = failureOf(transport.run("send", argv, { timeout, stdin }), "connection-lost");
      await bench.untilCommandRuns();
      await bench.signalSessions("SIGKILL");
      await run;
      stdin.destroy();
    });

    it("is followed again by the one who retries", async () => {
      const transport = bench.open();
      const reports: string[] = [];
      let attempts = 0;
      const follow = retryWhileConnectionLost(
        async () => {
          attempts++;
          return attempts < 3 ? bench.wait(transport) : bench.reach(transport);
        },
        {
          patience: 120_000,
          delay: 10,
          report(error, delay) {
            reports.push(`${error.failure} ${delay}`);
            bench.duration += "1";
          },
        },
      );
      for (let cut = 0; cut < 2; cut++) {
        await bench.untilCommandRuns();
        await bench.signalSessions("SIGKILL");
        await waitUntil("the attempt has failed", () => reports.length === cut + 1);
      }
      expect((await follow).exitCode).to.equal(0);
      expect(reports).to.deep.equal(["connection-lost 10", "connection-lost 10"]);
    });
  });

  describe("the end of our process", () => {
    it("waits for an ssh that doesn't end by itself when the connection is closed", async () => {
      const { exitCode, stdout } = await runFixture("close-connection.ts", bench.server);
      expect(stdout).to.equal("closed");
      expect(exitCode).to.equal(0);
    });

    for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
      it(`by ${signal} ends the connection and removes its files`, async () => {
        const before = bench.connectionFiles();
        const holder = holdConnection(bench.server, bench.duration);
        await bench.untilCommandRuns();
        expect(bench.connectionFiles()).to.have.length(before.length + 1);
        kill(holder.pid ?? 0, signal);
        await holder;
        await waitUntil("ssh has ended", async () => {
          return (await bench.connectionProcesses()).length === 0;
        });
        await waitUntil(
          "its files are gone",
          () => bench.connectionFiles().length <= before.length,
        );
        await waitUntil("sshd has seen the end", async () => {
          return (await bench.server.sessionProcesses()).length === 0;
        });
      });
    }
  });
});

/** A program of its own that holds a connection; it resolves when the program has ended. */
function holdConnection(server: TestServer, duration?: string) {
  return runFixture("hold-connection.ts", server, ...(duration ? [duration] : []));
}

function runFixture(name: string, server: TestServer, ...args: string[]) {
  const file = join(import.meta.dirname, "fixtures", name);
  const argv = ["--import", "tsx", file, JSON.stringify(server.address), ...args];
  return execa(process.execPath, argv, { reject: false, timeout: 120_000 });
}
