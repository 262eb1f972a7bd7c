import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect } from "chai";
import { execa } from "execa";
import {
  openTransport,
  retryWhileConnectionLost,
  serverAddressSchema,
  type ServerAddress,
  type Transport,
} from "../../transport/index.ts";
import { failureOf } from "./errors.ts";
import {
  freePort,
  kill,
  processesOf,
  processesWith,
  startServer,
  waitUntil,
  type TestServer,
} from "./sshd.ts";

const timeout = 120_000;
const OTHER_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

describe("connection over OpenSSH", function () {
  this.timeout(180_000);
  let server: TestServer;
  const opened: Transport[] = [];
  // How long the test's command sleeps, in seconds, which tells it from those of all other tests.
  let duration = "";
  let tests = 0;

  beforeEach(async function () {
    this.timeout(300_000);
    server = await startServer();
    duration = `300.${process.pid}${++tests}`;
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((transport) => transport.close()));
    await server.stop();
    for (const pid of await processesWith(`sleep 300.${process.pid}`)) kill(pid, "SIGKILL");
    expect(await processesWith(`-p ${server.port} `), "an ssh was left behind").to.deep.equal([]);
  });

  /** A transport to the test's server, with other fields in its address. */
  function open(
    fields: Partial<ServerAddress> = {},
    without: (keyof ServerAddress)[] = [],
  ): Transport {
    const entries = Object.entries({ ...server.address, ...fields });
    const kept = entries.filter(([name]) => !without.includes(name as keyof ServerAddress));
    const transport = openTransport(serverAddressSchema.parse(Object.fromEntries(kept)));
    opened.push(transport);
    return transport;
  }

  const reach = (transport: Transport) => transport.run("reach", ["true"], { timeout });
  const wait = (transport: Transport) => transport.run("wait", ["sleep", duration], { timeout });
  const commandRuns = (): Promise<void> =>
    waitUntil("the command runs", async () => (await processesOf(`sleep ${duration}`)).length > 0);

  /** sshd has seen the end of what the test did, and no attempt to log in. */
  async function expectNothingSent(): Promise<void> {
    await waitUntil("sshd has logged the end", () =>
      /^(?:Connection (?:closed|reset)|Unable to negotiate)/m.test(server.log()),
    );
    expect(server.log()).not.to.match(/userauth|Accepted|Failed/);
  }

  describe("host key", () => {
    it("sends nothing to a server that shows another key, and names both", async () => {
      const error = await failureOf(reach(open({ hostKey: [OTHER_KEY] })), "host-key");
      expect(error.message)
        .to.match(/^reach on root@127\.0\.0\.1:\d+: the host key is wrong: the server showed/)
        .and.to.contain("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU")
        .and.to.contain('set "server.hostKey"');
      await expectNothingSent();
    });

    it("sends nothing to a server without a key of that type", async () => {
      const rsa = join(server.directory, "rsa");
      await execa("ssh-keygen", ["-q", "-t", "rsa", "-N", "", "-f", rsa]);
      const { stdout } = await execa("cat", [`${rsa}.pub`]);
      const { hostKey } = serverAddressSchema.parse({ host: "a", hostKey: stdout });
      await failureOf(reach(open({ hostKey })), "host-key");
      await expectNothingSent();
    });

    it("sends nothing to a server that nobody knows", async () => {
      const transport = open({ knownHostsFile: join(server.directory, "none") }, ["hostKey"]);
      const error = await failureOf(reach(transport), "host-key");
      expect(error.message).to.contain(
        "the host key is unknown: the server showed ssh-ed25519 SHA",
      );
      await expectNothingSent();
    });

    it("sends nothing to a server whose key in known_hosts is another one", async () => {
      const knownHostsFile = join(server.directory, "known_hosts");
      writeFileSync(knownHostsFile, `[127.0.0.1]:${server.port} ${OTHER_KEY}\n`);
      const error = await failureOf(reach(open({ knownHostsFile }, ["hostKey"])), "host-key");
      expect(error.message).to.contain("the host key is wrong");
      await expectNothingSent();
    });

    it("takes a server that known_hosts has", async () => {
      const knownHostsFile = join(server.directory, "known_hosts");
      writeFileSync(knownHostsFile, `[127.0.0.1]:${server.port} ${server.hostKeys.ecdsa}\n`);
      await reach(open({ knownHostsFile }, ["hostKey"]));
    });

    it("takes any one of the server's keys, and any one of several given ones", async () => {
      await reach(open({ hostKey: [server.hostKeys.ecdsa] }));
      await reach(open({ hostKey: [OTHER_KEY, server.hostKeys.ed25519] }));
    });
  });

  describe("a server that can't be reached", () => {
    it("is named with host, port and cause", async () => {
      const port = await freePort();
      const error = await failureOf(reach(open({ port })), "unreachable");
      expect(error.message).to.equal(
        `reach on root@127.0.0.1:${port}: connect to host 127.0.0.1 port ${port}: Connection refused`,
      );
    });

    it("may have a name that does not exist", async () => {
      const error = await failureOf(reach(open({ host: "chat.invalid" })), "unreachable");
      expect(error.message).to.contain("Could not resolve hostname chat.invalid");
    });

    it("may accept the connection and then say nothing", async () => {
      const sockets: Socket[] = [];
      const silent = createServer((socket) => sockets.push(socket));
      const port = await freePort();
      await new Promise<void>((resolve) => silent.listen(port, "127.0.0.1", resolve));
      try {
        const error = await failureOf(reach(open({ port })), "unreachable");
        expect(error.message).to.contain(`127.0.0.1 port ${port}`).and.to.contain("timed out");
      } finally {
        sockets.forEach((socket) => socket.destroy());
        silent.close();
      }
    });

    it("is not waited for by a caller who cancels", async () => {
      const controller = new AbortController();
      const transport = open();
      const run = transport.run("reach", ["true"], { timeout, signal: controller.signal });
      controller.abort();
      await failureOf(run, "canceled");
      await reach(transport);
    });
  });

  describe("login", () => {
    it("fails with what to do about it", async () => {
      const identityFile = join(server.directory, "host_ecdsa");
      const error = await failureOf(reach(open({ identityFile })), "authentication");
      expect(error.message).to.contain("authorized_keys").and.to.contain("Permission denied");
    });

    it("names a private key that does not exist, before it connects", async () => {
      const error = await failureOf(reach(open({ identityFile: "/no/key" })), "authentication");
      expect(error.message).to.contain('"/no/key" does not exist');
      expect(server.connections()).to.equal(0);
    });

    it("never asks for a passphrase", async () => {
      const identityFile = join(server.directory, "locked");
      await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "a passphrase", "-f", identityFile]);
      await failureOf(reach(open({ identityFile })), "authentication");
    });
  });

  describe("one connection", () => {
    it("serves all commands, also those at the same time", async () => {
      const transport = open();
      await Promise.all(Array.from({ length: 10 }, () => reach(transport)));
      await reach(transport);
      expect(server.connections()).to.equal(1);
    });

    it("serves more commands than the server allows sessions", async () => {
      await server.stop();
      server = await startServer(["MaxSessions 2"]);
      const transport = open();
      const runs = Array.from({ length: 6 }, (_, index) =>
        transport.run("echo", ["sh", "-c", 'sleep 0.3; cat; echo "$1"', "x", `${index}`], {
          timeout,
          stdin: "in",
        }),
      );
      const outputs = (await Promise.all(runs)).map(({ stdout }) => stdout);
      expect(outputs).to.deep.equal([0, 1, 2, 3, 4, 5].map((index) => `in${index}\n`));
      expect(server.connections()).to.equal(1);
    });

    it("goes through another server, whose key has to be known", async () => {
      const jump = await startServer(["AllowTcpForwarding yes"]);
      try {
        const jumpHost = { user: "root", host: "127.0.0.1", port: jump.port };
        const error = await failureOf(reach(open({ jumpHost })), "host-key");
        expect(error.message).to.contain(`jump host root@127.0.0.1:${jump.port}: its host key`);
        expect(server.connections()).to.equal(0);
        expect(jump.log()).not.to.match(/userauth/);
      } finally {
        await jump.stop();
      }
    });

    it("is no reason for a program that forgets to close it to go on", async () => {
      const { stdout } = await holdConnection(server);
      expect(stdout).to.equal("connected");
    });

    it("leaves no file behind", async () => {
      const before = temporaryDirectories();
      const transport = open();
      await reach(transport);
      expect(temporaryDirectories()).to.have.length(before.length + 1);
      await transport.close();
      expect(temporaryDirectories()).to.deep.equal(before);
      await failureOf(reach(open({ hostKey: [OTHER_KEY] })), "host-key");
      expect(temporaryDirectories()).to.deep.equal(before);
    });
  });

  describe("a lost connection", () => {
    const sessions = async (signal: NodeJS.Signals): Promise<void> => {
      for (const pid of await server.sessionProcesses()) kill(pid, signal);
    };

    it("is told from a failed command, and the next command makes a new one", async () => {
      const transport = open();
      const run = failureOf(wait(transport), "connection-lost");
      await commandRuns();
      await sessions("SIGKILL");
      expect((await run).message).to.equal(
        `wait on ${transport.target}: the connection was lost: the server ended it`,
      );
      await reach(transport);
      expect(server.connections()).to.equal(2);
    });

    it("carries nothing of the commands, however they are written", async () => {
      const transport = open();
      const argv = [
        "sh",
        "-c",
        `sleep ${duration}\nTimeout, server SECRET not responding.\nSECRET`,
        "SECRET",
      ];
      const run = failureOf(
        transport.run("wait", argv, { timeout, stdin: "SECRET" }),
        "connection-lost",
      );
      await commandRuns();
      await sessions("SIGKILL");
      const error = await run;
      expect(error.stack).not.to.contain("SECRET");
      expect(JSON.stringify(error)).not.to.contain("SECRET");
    });

    it("is noticed when the server stops answering", async () => {
      const transport = open();
      const run = failureOf(wait(transport), "connection-lost");
      await commandRuns();
      await sessions("SIGSTOP");
      expect((await run).message).to.contain("the server stopped answering");
      await reach(transport);
    });

    it("is made again when our own ssh was killed", async () => {
      const transport = open();
      await reach(transport);
      const masters = await processesWith(`-p ${server.port} `);
      for (const pid of masters) kill(pid, "SIGKILL");
      const { stdout } = await transport.run("read", ["cat"], { timeout, stdin: "again" });
      expect(stdout).to.equal("again");
      expect(server.connections()).to.equal(2);
    });

    it("ends a command whose standard input is still being sent", async () => {
      const transport = open();
      const stdin = new Readable({ read: () => setTimeout(() => stdin.push("a"), 50) });
      const argv = ["sh", "-c", `sleep ${duration} & cat`];
      const run = failureOf(transport.run("send", argv, { timeout, stdin }), "connection-lost");
      await commandRuns();
      await sessions("SIGKILL");
      await run;
      stdin.destroy();
    });

    it("is followed again by the one who retries", async () => {
      const transport = open();
      const reports: string[] = [];
      let attempts = 0;
      const follow = retryWhileConnectionLost(
        async () => {
          attempts++;
          return attempts < 3 ? wait(transport) : reach(transport);
        },
        {
          deadline: Date.now() + 120_000,
          delay: 10,
          report(error, delay) {
            reports.push(`${error.failure} ${delay}`);
            duration += "1";
          },
        },
      );
      for (let cut = 0; cut < 2; cut++) {
        await commandRuns();
        await sessions("SIGKILL");
        await waitUntil("the attempt has failed", () => reports.length === cut + 1);
      }
      expect((await follow).exitCode).to.equal(0);
      expect(reports).to.deep.equal(["connection-lost 10", "connection-lost 20"]);
    });
  });

  describe("the end of our process", () => {
    for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
      it(`by ${signal} ends the connection and removes its files`, async () => {
        const before = temporaryDirectories();
        const holder = holdConnection(server, duration);
        await commandRuns();
        expect(temporaryDirectories()).to.have.length(before.length + 1);
        kill(holder.pid ?? 0, signal);
        await holder;
        await waitUntil("ssh has ended", async () => {
          return (await processesWith(`-p ${server.port} `)).length === 0;
        });
        await waitUntil("its files are gone", () => temporaryDirectories().length <= before.length);
        await waitUntil("sshd has seen the end", async () => {
          return (await server.sessionProcesses()).length === 0;
        });
      });
    }
  });

  it("uses a directory with a short path where the system's is too long", async () => {
    const long = mkdtempSync(join(tmpdir(), "x".repeat(100)));
    const former = process.env.TMPDIR;
    process.env.TMPDIR = long;
    try {
      await reach(open());
      expect(readdirSync(long)).to.deep.equal([]);
    } finally {
      if (former === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = former;
      rmSync(long, { recursive: true });
    }
    expect(existsSync(long)).to.equal(false);
  });
});

function temporaryDirectories(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^chatalot-[A-Za-z0-9]{6}$/.test(name));
}

/** A program of its own that holds a connection; it resolves when the program has ended. */
function holdConnection(server: TestServer, duration?: string) {
  const file = join(import.meta.dirname, "fixtures", "hold-connection.ts");
  const argv = [
    "--import",
    "tsx",
    file,
    JSON.stringify(server.address),
    ...(duration ? [duration] : []),
  ];
  return execa(process.execPath, argv, { reject: false, timeout: 120_000 });
}
