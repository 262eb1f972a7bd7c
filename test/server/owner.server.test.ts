import { expect } from "chai";
import { execa } from "execa";
import { once } from "node:events";
import { createServer } from "node:net";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { chatUrl, cleanServer, operatorOf } from "./support/fixture.ts";
import { ledgerOf, query, runningSince, shell } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

describe("owner guard", () => {
  let demo: DemoServer;
  let operator: Operator;
  let url: string;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    operator = await operatorOf(demo);
    await operator.configure({
      release: "v1.0.0",
      url,
      "listen.beforeOwner": "loopback",
      // While the guard holds, an address that can't answer must not fail the run.
      "health.public": "required",
    });
  });
  after(() => operator?.leave());

  it("keeps a chat without an account on the server's loopback and names the way in", async () => {
    const preview = await operator.preview();
    expect(preview.output).to.match(/ssh -L 8080:127\.0\.0\.1:8080 .*root@127\.0\.0\.1/);
    expect(preview.output).to.contain("0.0.0.0: port 8080 is open to everybody");

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE v1.0.0").and.to.contain("ssh -L 8080:127.0.0.1:8080");
    expect(await listening()).to.deep.equal(["127.0.0.1:8080"]);
    expect(await answers(url)).to.equal(false);
    const { address } = await operator.outputs();
    expect(address).to.equal(`http://127.0.0.1:8080 on ${demo.host}`);
  });

  it("is no change as long as there is no account", async () => {
    const before = await runningSince(demo);
    const { exitCode, output } = await operator.preview("--expect-no-changes");
    expect(exitCode, output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  it("opens with the next up once the owner has registered through a tunnel", async () => {
    await throughTunnel(async (local) => {
      const answer = await fetch(`${local}/api/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ username: "ada", password: "a password of the tests" }),
      });
      expect(answer.ok, await answer.text()).to.equal(true);
      expect(await writeMarker(local, "written before it opened")).to.equal(true);
    });
    const jobs = (await ledgerOf(demo)).length;

    const preview = await operator.preview("--diff");
    expect(preview.output).to.contain("an owner exists: the chat opens on 0.0.0.0:8080");
    expect(await listening()).to.deep.equal(["127.0.0.1:8080"]);
    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(output).not.to.contain("ssh -L");
    expect(await listening()).to.include("0.0.0.0:8080");
    expect(await readMessages(url)).to.deep.equal(["written before it opened"]);
    expect(await query(demo, "SELECT username, role FROM users")).to.deep.equal(["ada|owner"]);
    expect(await ledgerOf(demo)).to.have.length(jobs + 1);
    expect((await operator.outputs()).address).to.equal(url);
  });

  it("then is as asked, and stays so", async () => {
    const before = await runningSince(demo);
    const { exitCode, output } = await operator.up("--skip-preview", "--expect-no-changes");
    expect(exitCode, output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  /** The addresses of the server on which something listens on the chat's port. */
  async function listening(): Promise<string[]> {
    const text = await shell(demo, "ss -Hltn 'sport = :8080' | awk '{ print $4 }'");
    return text.split("\n");
  }

  async function throughTunnel(work: (local: string) => Promise<void>): Promise<void> {
    const port = await freePort();
    const tunnel = execa(
      "ssh",
      [
        ...["-N", "-L", `${port}:127.0.0.1:8080`, "-p", String(demo.port), "-i", demo.identityFile],
        ...["-o", `UserKnownHostsFile=${demo.knownHostsFile}`, "-o", "BatchMode=yes"],
        ...["-o", "ExitOnForwardFailure=yes", "-F", "/dev/null", `${demo.user}@${demo.host}`],
      ],
      { reject: false, stdin: "ignore", timeout: 300_000 },
    );
    try {
      const local = `http://127.0.0.1:${port}`;
      while (tunnel.exitCode === null && !(await answers(local)))
        await new Promise((resolve) => setTimeout(resolve, 200));
      await work(local);
    } finally {
      tunnel.kill();
      await tunnel;
    }
  }
});

async function answers(origin: string): Promise<boolean> {
  return fetch(`${origin}/api/health`, { signal: AbortSignal.timeout(2_000) }).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
