import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { run, type Outcome } from "../../demo/commands.ts";
import { makeSampleRepository } from "../../demo/repository/index.ts";
import { bootServer, type DemoServer } from "../../demo/server/index.ts";
import { ensureDocker } from "../../toolchain/index.ts";
import { composeUp as startAsThePageSays } from "../server/support/by-the-page.ts";
import { DIRECTORY } from "../server/support/fixture.ts";
import { BASE } from "../support/server-names.ts";

/** A server that this suite boots and removes by itself. */
const NAME = `${BASE}-demo`;

/** What a command may take while the machine flushes its disks. */
const COMMAND_TIMEOUT = 120_000;

const BUILDING = { timeout: 600_000, directory: DIRECTORY };

describe("demo server", function () {
  this.timeout(900_000);
  let directory: string;
  let server: DemoServer;

  before(async function () {
    this.timeout(1_200_000);
    await ensureDocker(() => undefined);
    directory = await mkdtemp(join(tmpdir(), "demo-server-test-"));
    server = await boot({ isFresh: true });
  });
  after(async () => {
    await server.destroy();
    await rm(directory, { recursive: true, force: true });
  });

  async function boot(options: { isFresh: boolean }): Promise<DemoServer> {
    return bootServer({
      name: NAME,
      directory: join(directory, "access"),
      report: () => undefined,
      ...options,
    });
  }

  async function ssh(
    user: string,
    command: string,
    options: { knownHosts?: string; host?: string; port?: number } = {},
  ): Promise<Outcome> {
    const knownHosts = options.knownHosts ?? server.knownHostsFile;
    return run(
      "log in",
      [
        "ssh",
        ...["-F", "none", "-i", server.identityFile, "-p", String(options.port ?? server.port)],
        ...["-o", `UserKnownHostsFile=${knownHosts}`, "-o", "GlobalKnownHostsFile=none"],
        ...["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
        `${user}@${options.host ?? server.host}`,
        command,
      ],
      { timeout: COMMAND_TIMEOUT, acceptedExitCodes: [0, 255] },
    );
  }

  it("lets the operator in over SSH, on this machine's port and on its own address", async () => {
    expect((await ssh("root", "id -un")).stdout).to.equal("root");
    const direct = await ssh("root", "hostname", { host: server.address, port: 22 });
    expect(direct.stdout).to.equal(NAME);
  });

  it("has a host key that the operator can check", async () => {
    const knownHosts = join(directory, "wrong");
    const other = server.hostKey.slice(0, -4) + (server.hostKey.endsWith("AAAA") ? "BBBB" : "AAAA");
    await writeFile(knownHosts, `[127.0.0.1]:${server.port} ${other}\n`);
    const refused = await ssh("root", "true", { knownHosts });
    expect(refused.exitCode).to.equal(255);
    expect(refused.stderr).to.contain("Host key verification failed");
  });

  it("has a second user who may become root and use docker", async () => {
    const shown = await ssh("deployer", "id -un; sudo -n id -un; docker info -f '{{.OSType}}'");
    expect(shown.stdout.split("\n")).to.deep.equal(["deployer", "root", "linux"]);
  });

  it("has systemd, and neither Node nor git", async () => {
    const state = await server.exec(["systemctl", "is-system-running"], {
      timeout: COMMAND_TIMEOUT,
      acceptedExitCodes: [0, 1],
    });
    expect(state.stdout).to.match(/^(running|degraded)$/);
    for (const program of ["node", "git"]) {
      const found = await server.exec(["sh", "-c", `command -v ${program}`], {
        timeout: COMMAND_TIMEOUT,
        acceptedExitCodes: [0, 1, 127],
      });
      expect(found.stdout, program).to.equal("");
    }
  });

  it("runs the sample by upstream's own procedure", async () => {
    await unpackSample("v1.0.0");
    await server.exec(["sh", "-c", "cd /srv/chatalot && scripts/make-secrets.sh"], {
      timeout: COMMAND_TIMEOUT,
    });
    await composeUp();
    const health = await askHealth(`http://${server.address}:8080`);
    expect(health).to.include({ status: "ok", version: "1.0.0", db_healthy: true });
    expect(await askHealth(`http://127.0.0.1:${server.webPort}`)).to.include({ status: "ok" });
  });

  it("updates the sample the same way, and keeps it from going back", async () => {
    await unpackSample("v1.1.0");
    await composeUp();
    await askHealth(`http://${server.address}:8080`);
    expect(await logAfter("v1.0.1")).to.contain(
      "migration 4 was previously applied but is missing in the resolved migrations",
    );
  });

  it("ends a release that takes too much memory", async () => {
    await unpackSample("v1.1.1-memory-hungry");
    await composeUp();
    await waitForState("{{.State.OOMKilled}} {{.State.ExitCode}}", /^true 137$/);
  });

  it("shuts down in time, and starts again", async () => {
    await server.stop();
    // systemd's own end; 137 is what is left when it had to be killed.
    expect(await endOf(server.container)).not.to.equal("137");
    server = await boot({ isFresh: false });
    expect((await ssh("root", "uptime -s")).exitCode).to.equal(0);
  });

  it("comes back after a crash with what was on it", async () => {
    const before = server.hostKey;
    await server.kill();
    server = await boot({ isFresh: false });
    expect(server.hostKey).to.equal(before);
    const volumes = await server.exec(["docker", "volume", "ls", "--quiet"], {
      timeout: COMMAND_TIMEOUT,
    });
    expect(volumes.stdout).to.contain("chatalot_postgres_data");
  });

  async function unpackSample(tag: string): Promise<void> {
    const repository = await makeSampleRepository(join(directory, "repository"));
    const archive = await run("pack the sample", ["sh", "-c", `git archive ${tag} | base64`], {
      timeout: COMMAND_TIMEOUT,
      directory: repository.directory,
    });
    // Unpacking removes nothing: what another release had goes first, and the operator's own stays.
    const unpack =
      "mkdir -p /srv/chatalot && cd /srv/chatalot && " +
      "find . -mindepth 1 -maxdepth 1 ! -name .env ! -name secrets -exec rm -rf {} + && " +
      "base64 -d | tar -x";
    await server.exec(["sh", "-c", unpack], { timeout: COMMAND_TIMEOUT, input: archive.stdout });
  }

  async function composeUp(): Promise<void> {
    await server.exec(["docker", "compose", "build"], BUILDING);
    await startAsThePageSays(server);
  }

  async function logAfter(tag: string): Promise<string> {
    await unpackSample(tag);
    await composeUp();
    await waitForState("{{.RestartCount}}", /^[1-9]/);
    const log = await server.exec(["docker", "logs", "chatalot-server"], {
      timeout: COMMAND_TIMEOUT,
    });
    return log.stdout + log.stderr;
  }

  async function waitForState(format: string, wanted: RegExp): Promise<void> {
    let state = "";
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const shown = await server.exec(["docker", "inspect", "-f", format, "chatalot-server"], {
        timeout: COMMAND_TIMEOUT,
      });
      state = shown.stdout;
      if (wanted.test(state)) return;
      await sleep(200);
    }
    throw new Error(`the container's state is ${state}, not ${wanted}`);
  }
});

async function endOf(container: string): Promise<string> {
  const asked = ["inspect", "--format", "{{.State.ExitCode}}", container];
  return (
    await run("read how the server ended", ["docker", ...asked], { timeout: COMMAND_TIMEOUT })
  ).stdout.trim();
}

async function askHealth(url: string): Promise<unknown> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(7_000) });
      return await answer.json();
    } catch (error) {
      if (attempt === 120) throw error;
      await sleep(500);
    }
  }
}
