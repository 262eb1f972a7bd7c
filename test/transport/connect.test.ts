import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { serverAddressSchema } from "../../transport/index.ts";
import { failureOf } from "./errors.ts";
import { CLOSED_PORT, waitUntil } from "./sshd.ts";
import { OTHER_KEY, timeout, Workbench } from "./workbench.ts";

describe("connecting over OpenSSH", function () {
  this.timeout(180_000);
  const bench = Workbench.forEachTest();

  /** sshd has seen the end of what the test did, and no attempt to log in. */
  async function expectNothingSent(): Promise<void> {
    const end = /^(?:Connection (?:closed|reset)|Unable to negotiate)/m;
    await waitUntil("sshd has logged the end", () => end.test(bench.server.log()));
    expect(bench.server.log()).not.to.match(/userauth|Accepted|Failed/);
  }

  describe("host key", () => {
    it("sends nothing to a server that shows another key, and names both", async () => {
      const error = await failureOf(bench.reach(bench.open({ hostKey: [OTHER_KEY] })), "host-key");
      expect(error.message)
        .to.match(/^reach on root@127\.0\.0\.1:\d+: the host key is wrong: the server showed/)
        .and.to.contain("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU")
        .and.to.contain('set "server.hostKey"');
      await expectNothingSent();
    });

    it("sends nothing to a server without a key of that type", async () => {
      const rsa = join(bench.server.directory, "rsa");
      await execa("ssh-keygen", ["-q", "-t", "rsa", "-N", "", "-f", rsa]);
      const { stdout } = await execa("cat", [`${rsa}.pub`]);
      const { hostKey } = serverAddressSchema.parse({ host: "a", hostKey: stdout });
      await failureOf(bench.reach(bench.open({ hostKey })), "host-key");
      await expectNothingSent();
    });

    it("sends nothing to a server that nobody knows", async () => {
      const transport = bench.open({ knownHostsFile: join(bench.server.directory, "none") }, [
        "hostKey",
      ]);
      const error = await failureOf(bench.reach(transport), "host-key");
      expect(error.message).to.contain(
        "the host key is unknown: the server showed ssh-ed25519 SHA",
      );
      await expectNothingSent();
    });

    it("sends nothing to a server whose key in known_hosts is another one", async () => {
      const knownHostsFile = join(bench.server.directory, "known_hosts");
      writeFileSync(knownHostsFile, `[127.0.0.1]:${bench.server.port} ${OTHER_KEY}\n`);
      const error = await failureOf(
        bench.reach(bench.open({ knownHostsFile }, ["hostKey"])),
        "host-key",
      );
      expect(error.message).to.contain("the host key is wrong");
      await expectNothingSent();
    });

    it("takes a server that known_hosts has", async () => {
      const knownHostsFile = join(bench.server.directory, "known_hosts");
      writeFileSync(
        knownHostsFile,
        `[127.0.0.1]:${bench.server.port} ${bench.server.hostKeys.ecdsa}\n`,
      );
      await bench.reach(bench.open({ knownHostsFile }, ["hostKey"]));
    });

    it("takes any one of the server's keys, and any one of several given ones", async () => {
      await bench.reach(bench.open({ hostKey: [bench.server.hostKeys.ecdsa] }));
      await bench.reach(bench.open({ hostKey: [OTHER_KEY, bench.server.hostKeys.ed25519] }));
    });
  });

  describe("a server that can't be reached", () => {
    it("is named with host, port and cause", async () => {
      const port = CLOSED_PORT;
      const error = await failureOf(bench.reach(bench.open({ port })), "unreachable");
      expect(error.message).to.equal(
        `reach on root@127.0.0.1:${port}: connect to host 127.0.0.1 port ${port}: Connection refused`,
      );
    });

    it("may have a name that does not exist", async () => {
      const error = await failureOf(
        bench.reach(bench.open({ host: "chat.invalid" })),
        "unreachable",
      );
      // The second where this machine's resolver doesn't answer in time, as without a network.
      expect(error.message).to.match(
        /Could not resolve hostname chat\.invalid|no answer from chat\.invalid/,
      );
    });

    it("may accept the connection and then say nothing", async () => {
      const sockets: Socket[] = [];
      const silent = createServer((socket) => sockets.push(socket));
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const { port } = silent.address() as AddressInfo;
      try {
        const error = await failureOf(bench.reach(bench.open({ port })), "unreachable");
        expect(error.message).to.contain(`127.0.0.1 port ${port}`).and.to.contain("timed out");
      } finally {
        sockets.forEach((socket) => socket.destroy());
        silent.close();
      }
    });

    it("is not waited for by a caller who cancels", async () => {
      const controller = new AbortController();
      const transport = bench.open();
      const run = transport.run("reach", ["true"], { timeout, signal: controller.signal });
      controller.abort();
      await failureOf(run, "canceled");
      await bench.reach(transport);
    });
  });

  describe("login", () => {
    it("fails with what to do about it", async () => {
      const identityFile = join(bench.server.directory, "host_ecdsa");
      const error = await failureOf(bench.reach(bench.open({ identityFile })), "authentication");
      expect(error.message).to.contain("authorized_keys").and.to.contain("Permission denied");
    });

    it("names a private key that does not exist, before it connects", async () => {
      const error = await failureOf(
        bench.reach(bench.open({ identityFile: "/no/key" })),
        "authentication",
      );
      expect(error.message).to.contain('"/no/key" does not exist');
      expect(bench.server.connections()).to.equal(0);
    });

    it("never asks for a passphrase", async () => {
      const identityFile = join(bench.server.directory, "locked");
      await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "a passphrase", "-f", identityFile]);
      await failureOf(bench.reach(bench.open({ identityFile })), "authentication");
    });
  });

  it("uses a directory with a short path where the system's is too long", async () => {
    const long = join(bench.temporary, "x".repeat(100));
    mkdirSync(long);
    process.env.TMPDIR = long;
    await bench.reach(bench.open());
    expect(readdirSync(long)).to.deep.equal([]);
    rmdirSync(long);
  });
});
