import { createServer } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import type { DemoServer } from "../../demo/server/index.ts";
import {
  type Connections,
  connectionsDuring,
  forgetConnections,
  noteConnections,
} from "./support/connections.ts";
import { chatUrl, cleanServer, operatorOf } from "./support/fixture.ts";
import { healthOf, runningSince, shell } from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

/** Promised are 15 seconds; the rest is for a machine that is busy with other things. */
const FAILS_WITHIN = 100_000;

describe("a server that can't be reached", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let port: number;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    port = await closedPort();
    await operator.configure({ release: "v1.0.0", "server.port": port });
  });
  after(() => operator?.leave());

  it("is a warning in a preview, which still shows the release", async () => {
    const { exitCode, output } = await operator.preview();
    expect(exitCode, output).to.equal(0);
    expect(output).to.match(
      new RegExp(`warning: .*root@127\\.0\\.0\\.1:${port}.*Connection refused`),
    );
    expect(output).to.match(/pulumi up would fail/);
    expect(output).to.match(/release +: "v1\.0\.0"/);
    expect(output).to.match(/commit +: "[0-9a-f]{40}"/);
  });

  it("fails an update soon, with host, port and cause, and nothing after it is tried", async () => {
    const { run, milliseconds } = await timed(() => operator.up("--skip-preview"));
    expect(run.exitCode).not.to.equal(0);
    expect(run.output).to.match(
      new RegExp(`error: .*root@127\\.0\\.0\\.1:${port}.*Connection refused`),
    );
    expect(milliseconds).to.be.below(FAILS_WITHIN);
    const made = (await operator.exported()).deployment.resources ?? [];
    expect(made.filter(({ type }) => /^(chatalot:index:(Host|Rel|Depl)|docker:)/.test(type))).to.be
      .empty;
  });
});

describe("a server behind another host key", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let folder: string;

  before(async () => {
    demo = await cleanServer();
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-keys-"));
  });
  after(() => folder && rm(folder, { recursive: true, force: true }));

  it("is refused before a login is tried", async () => {
    const operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0", "server.hostKey": await anotherKey(folder) });
    const logins = await loginsDuring(demo, async () => {
      for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
        expect(run.exitCode, run.output).not.to.equal(0);
        expect(run.output).to.contain("the host key is wrong: the server showed ssh-ed25519");
        expect(run.output).to.contain("Nothing was sent.");
        expect(run.output).to.contain('set "server.hostKey" to what it says');
      }
    });
    expect(logins).to.deep.equal([]);
    await operator.leave();
  });

  it("is refused where the key is not known at all", async () => {
    const operator = await operatorOf(demo);
    const empty = join(folder, "known_hosts");
    await writeFile(empty, "");
    await operator.must("config", "rm", "--path", "server.hostKey");
    await operator.configure({ release: "v1.0.0", "server.knownHostsFile": empty });
    const logins = await loginsDuring(demo, async () => {
      const run = await operator.preview();
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.contain("the host key is unknown: the server showed ssh-ed25519");
      expect(run.output).to.contain('set "server.hostKey" to what it says');
    });
    expect(logins).to.deep.equal([]);
    await operator.leave();
  });
});

describe("a server with a user who may use sudo", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let first: Run;
  let connections: Connections;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    await operator.configure({
      release: "v1.0.0",
      // By the server's own address, where nothing of the demo stands in between.
      ...{ "server.host": demo.address, "server.port": 22, "server.user": demo.otherUser },
    });
    await noteConnections(demo);
    connections = await connectionsDuring(demo, async () => {
      first = await operator.up();
    });
  });
  after(() =>
    takeBack(
      () => demo && shell(demo, "iptables -D INPUT -p tcp --dport 22 -j DROP 2>/dev/null || true"),
      () => demo && forgetConnections(demo),
      () => operator?.leave(),
    ),
  );

  it("is deployed to as by root", async () => {
    expect(first.exitCode, first.output).to.equal(0);
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await shell(demo, "stat -c '%U %a' /srv/chatalot/.deploy")).to.equal("root 700");
  });

  it("sees one connection of the preview and one of the update", () => {
    expect(connections.ours, connections.ours.join("\n")).to.have.length(2);
    console.log(`        (and ${connections.plugin.length} of the docker plugin)`);
  });

  it("is not restarted, prepared or connected to more than once by a second update", async () => {
    const before = await runningSince(demo);
    let again: Run | undefined;
    const { ours } = await connectionsDuring(demo, async () => {
      again = await operator.up("--skip-preview");
    });
    expect(again?.exitCode, again?.output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(before);
    expect(ours, ours.join("\n")).to.have.length(1);
  });

  for (const { name, inject, mend, cause } of [
    {
      name: "refuses connections",
      inject: "systemctl stop ssh",
      mend: "systemctl start ssh",
      cause: "Connection refused",
    },
    {
      name: "drops every packet",
      inject: "iptables -I INPUT -p tcp --dport 22 -j DROP",
      mend: "iptables -D INPUT -p tcp --dport 22 -j DROP",
      cause: "timed out",
    },
  ])
    it(`is a warning and then an error when it ${name} later`, async () => {
      const before = await runningSince(demo);
      await shell(demo, inject);
      try {
        const preview = await operator.preview();
        expect(preview.exitCode, preview.output).to.equal(0);
        const where = `${demo.otherUser}@${demo.address}:22.*${cause}`;
        expect(preview.output).to.match(new RegExp(`warning: .*${where}`));
        expect(preview.output).to.match(/release +: "v1\.0\.0"|^ +pulumi:pulumi:Stack/m);

        const { run, milliseconds } = await timed(() => operator.up("--skip-preview"));
        expect(run.exitCode, run.output).not.to.equal(0);
        expect(run.output).to.match(new RegExp(`error: .*${where}`));
        expect(milliseconds).to.be.below(FAILS_WITHIN);
      } finally {
        await shell(demo, mend);
      }
      expect(await runningSince(demo)).to.deep.equal(before);
    });

  for (const { name, inject, mend, cause } of [
    {
      name: "may not use Docker",
      inject: "gpasswd --delete deployer docker",
      mend: "gpasswd --add deployer docker",
      cause: /The SSH user can't use Docker without sudo/,
    },
    {
      name: "has to type a password for sudo",
      inject: "mv /etc/sudoers.d/deployer /root/deployer.sudo",
      mend: "mv /root/deployer.sudo /etc/sudoers.d/deployer",
      cause: /sudo/,
    },
    {
      name: "owns what runs there as root",
      inject: "chown deployer /srv/chatalot/.deploy",
      mend: "chown root /srv/chatalot/.deploy",
      cause: /\/srv\/chatalot can't be used: .*\.deploy/,
    },
  ])
    it(`refuses a user who ${name}, and changes nothing`, async () => {
      const before = await runningSince(demo);
      await shell(demo, inject);
      try {
        await operator.configure({ "env.MAX_FILE_SIZE_MB": 34 });
        const { exitCode, output } = await operator.up("--skip-preview");
        expect(exitCode, output).not.to.equal(0);
        expect(output).to.match(cause);
      } finally {
        await shell(demo, mend);
        await operator.must("config", "rm", "--path", "env.MAX_FILE_SIZE_MB");
      }
      expect(await runningSince(demo)).to.deep.equal(before);
    });

  it("is up to date again as soon as it answers", async () => {
    const before = await runningSince(demo);
    const run = await operator.up("--skip-preview");
    expect(run.exitCode, run.output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(before);
  });
});

/** What sshd says of logins, good or bad, while something is done. */
async function loginsDuring(demo: DemoServer, work: () => Promise<void>): Promise<string[]> {
  const cursor = await shell(
    demo,
    "journalctl --quiet --lines=0 --show-cursor | sed -n 's/^-- cursor: //p'",
  );
  await work();
  const said = await shell(demo, 'journalctl --quiet --unit=ssh --after-cursor="$1"', cursor);
  return said.split("\n").filter((line) => /: (Accepted|Failed|Invalid) /.test(line));
}

async function timed(work: () => Promise<Run>): Promise<{ run: Run; milliseconds: number }> {
  const begun = performance.now();
  const run = await work();
  const milliseconds = performance.now() - begun;
  console.log(`        (failed after ${(milliseconds / 1_000).toFixed(1)} s)`);
  return { run, milliseconds };
}

/** A port of this machine on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A host key that no server has. */
async function anotherKey(folder: string): Promise<string> {
  const file = join(folder, "host_key");
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  const { stdout } = await execa("ssh-keygen", ["-y", "-f", file]);
  return stdout.split(" ").slice(0, 2).join(" ");
}
