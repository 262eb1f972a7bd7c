import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { execa } from "execa";
import { parse } from "yaml";
import type { DemoServer } from "../../demo/server/index.ts";
import { ensureToolchain } from "../../toolchain/index.ts";
import { fingerprint } from "../../transport/index.ts";
import { freePort, waitUntil } from "../transport/sshd.ts";
import { cleanServer, sampleRepository } from "./support/fixture.ts";
import { healthOf, webVersion } from "./support/looks.ts";
import { Terminal } from "./support/terminal.ts";

const chatalot = fileURLToPath(new URL("../../cli/chatalot", import.meta.url));

/** How a command without a terminal ended. */
interface Run {
  exitCode: number;
  all: string;
}

describe("chatalot init", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let repository: string;
  let home: string;
  let environment: Record<string, string>;
  let chatPort: number;
  let server: string;

  const folder = (): string => join(home, "chatalot-stack");
  const terminal = (...flags: string[]): Terminal =>
    new Terminal([chatalot, "init", "--repository", repository, ...flags], home, environment);
  const without = async (file: string, argv: string[], cwd = home): Promise<Run> => {
    const streams = { stdin: "ignore", all: true, reject: false } as const;
    const { exitCode, all } = await execa(file, argv, {
      ...{ cwd, env: environment, extendEnv: false, timeout: 580_000 },
      ...streams,
    });
    return { exitCode: exitCode ?? -1, all };
  };

  before(async () => {
    demo = await cleanServer();
    repository = (await sampleRepository()).directory;
    home = mkdtempSync(join(tmpdir(), "chatalot-deploy-init-"));
    const toolchain = await ensureToolchain(() => undefined);
    // Nothing of the surroundings: the answers and the folder have to be enough.
    const surroundings = Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        !/^PULUMI_|^SSH_/.test(entry[0]) && entry[1] !== undefined,
    );
    // Downloads that other runs have made are used again, also with another home folder.
    const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
    environment = {
      ...Object.fromEntries(surroundings),
      ...toolchain.environment,
      HOME: home,
      XDG_CACHE_HOME: cache,
    };
    chatPort = await freePort();
    server = `${demo.user}@${demo.host}:${demo.port}`;
  });
  after(() => home && rmSync(home, { recursive: true, force: true }));

  it("ends at a fingerprint that is another one, with nothing written", async () => {
    const wizard = terminal();
    await wizard.answer("Server [this machine]: ", server);
    const shown = await wizard.answer("last 8 characters): ", "abcdEFGH");
    expect(shown).to.contain("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    expect(shown).to.contain(fingerprint(demo.hostKey).slice(0, -8));
    expect(shown, "the end is for the operator to find").not.to.contain(fingerprint(demo.hostKey));
    expect(await wizard.end()).to.equal(1);
    expect(wizard.screen).to.contain("that is not the fingerprint");
    expect(readdirSync(home)).to.deep.equal([]);
  });

  it("leaves nothing behind after ^C", async () => {
    const wizard = terminal();
    await wizard.answer("Server [this machine]: ", server);
    await wizard.until("last 8 characters): ");
    wizard.interrupt();
    expect(await wizard.end()).to.equal(130);
    expect(wizard.screen).to.contain("Nothing was written.");
    expect(readdirSync(home)).to.deep.equal([]);
  });

  it("asks again where an answer can't be right, and writes what the answers say", async () => {
    const wizard = terminal();
    await wizard.answer("Server [this machine]: ", "root@127.0.0.1:1");
    const unreachable = await wizard.answer("Server [this machine]: ", server);
    expect(unreachable).to.contain("That server can't be used").and.to.contain("refused");
    await wizard.answer("last 8 characters): ", fingerprint(demo.hostKey).slice(-8));
    const refused = await wizard.answer("Private key [agent and ssh_config]: ", demo.identityFile);
    expect(refused).to.contain("every key was refused");
    await wizard.answer("Listen on [127.0.0.1:8080]: ", "127.0.0.1:99999");
    const wrongPort = await wizard.answer("Listen on [127.0.0.1:8080]: ", String(chatPort));
    expect(wrongPort).to.contain('expected a port from 1 to 65535, got "99999". Example: 8080');
    const checked = await wizard.answer("Release [v2.0.0]: ", "v9.9.9");
    expect(checked).to.contain("The server meets the requirements.").and.to.contain("v1.2.0");
    const unknown = await wizard.answer("Release [v2.0.0]: ", "v1.0.0");
    expect(unknown).to.contain("Release v9.9.9 can't be found");
    await wizard.answer("Public address [none]: ", "?");
    const help = await wizard.answer("Public address [none]: ", "");
    expect(help).to.contain("What people type to open the chat");
    await wizard.answer("Who may register [invite_only]: ", "open");
    await wizard.answer("Folder for the stack [~/chatalot-stack]: ", "");
    await wizard.answer("Name of the stack [chat]: ", "");
    await wizard.answer("[yes]: ", "");
    const closing = await wizard.until("Back up");
    expect(await wizard.end()).to.equal(0);
    expect(closing).to.contain("pulumi preview").and.to.contain(`ssh -L ${chatPort}:127.0.0.1`);
    const widest = Math.max(
      ...wizard.screen
        .split("\n")
        .filter(isProse)
        .map((line) => line.length),
    );
    expect(widest).to.be.at.most(80);
    const { config } = parse(readFileSync(join(folder(), "Pulumi.chat.yaml"), "utf8")) as {
      config: Record<string, unknown>;
    };
    expect(config).to.deep.equal({
      "chatalot-deploy:release": "v1.0.0",
      "chatalot-deploy:repository": repository,
      "chatalot-deploy:server": {
        host: demo.host,
        user: demo.user,
        port: demo.port,
        identityFile: demo.identityFile,
        hostKey: demo.hostKey,
        directory: "/srv/chatalot",
      },
      "chatalot-deploy:listen": { address: "127.0.0.1", port: chatPort },
      "chatalot-deploy:env": { REGISTRATION_MODE: "open" },
    });
  });

  it("keeps the folder to its owner, with everything that Pulumi needs", () => {
    const modeOf = (name: string): string =>
      (statSync(join(folder(), name)).mode & 0o777).toString(8);
    const names = [".", "passphrase", "state", "env", "chatalot"];
    expect(names.map(modeOf)).to.deep.equal(["700", "600", "700", "600", "700"]);
    expect(readFileSync(join(folder(), "passphrase"), "utf8").trim()).to.have.length.at.least(32);
    expect(readdirSync(home)).to.deep.equal(["chatalot-stack"]);
  });

  it("is deployed by pulumi up in the folder that it made, and the chat answers", async () => {
    const preview = await without("sh", ["-c", ". ./env; exec pulumi preview"], folder());
    expect(preview.exitCode, preview.all).to.equal(0);
    const up = await without("sh", ["-c", ". ./env; exec pulumi up --yes"], folder());
    expect(up.exitCode, up.all).to.equal(0);
    expect(up.all).to.contain("DONE");
    const tunnel = execa(
      "ssh",
      [
        ...["-N", "-L", `${chatPort}:127.0.0.1:${chatPort}`, "-p", String(demo.port)],
        ...["-i", demo.identityFile, "-o", `UserKnownHostsFile=${demo.knownHostsFile}`],
        `${demo.user}@${demo.host}`,
      ],
      { reject: false },
    );
    try {
      const url = `http://127.0.0.1:${chatPort}`;
      await waitUntil("the tunnel is open", () => healthOf(url).then(Boolean, () => false));
      expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
      expect(await webVersion(url)).to.equal("1.0.0");
    } finally {
      tunnel.kill();
      await tunnel;
    }
  });

  it("has the command in the folder, by npx there and by its path from everywhere", async () => {
    for (const run of [
      await without("npx", ["chatalot", "abort"], folder()),
      await without(join(folder(), "chatalot"), ["abort"], "/"),
    ]) {
      expect(run.all).to.contain("No job is under way");
      expect(run.exitCode).to.equal(3);
    }
  });

  it("never replaces a stack that is there", async () => {
    const before = readFileSync(join(folder(), "Pulumi.chat.yaml"), "utf8");
    const flags = ["--host-key", demo.hostKey, "--identity-file", demo.identityFile];
    const wizard = terminal("--server", server, ...flags, "--yes", "--listen", String(chatPort));
    await wizard.until("The stack chat is there already");
    await wizard.until("Name of the stack: ");
    wizard.interrupt();
    expect(await wizard.end()).to.equal(130);
    expect(readFileSync(join(folder(), "Pulumi.chat.yaml"), "utf8")).to.equal(before);
  });

  it("writes a stack from flags alone, into a folder that has one already", async () => {
    const argv = ["init", "--server", server, "--host-key", demo.hostKey, "--yes"];
    const more = ["--identity-file", demo.identityFile, "--repository", repository];
    const chosen = ["--release", "v1.0.1", "--stack", "other", "--listen", `127.0.0.1:${chatPort}`];
    const run = await without(chatalot, [...argv, ...more, ...chosen]);
    expect(run.exitCode, run.all).to.equal(0);
    expect(run.all).to.contain("will go on with it");
    const stacks = await without("sh", ["-c", ". ./env; exec pulumi stack ls --json"], folder());
    const names = (JSON.parse(stacks.all) as { name: string }[]).map(({ name }) => name);
    expect(names.sort()).to.deep.equal(["chat", "other"]);
    const release = ["-c", ". ./env; exec pulumi config get release --stack other"];
    expect((await without("sh", release, folder())).all).to.equal("v1.0.1");
  });

  it("lists all missing flags at once where there is no terminal", async () => {
    const run = await without(chatalot, ["init", "--release", "v1.0.0"]);
    expect(run.exitCode).to.equal(2);
    for (const flag of ["server", "host-key", "listen", "url", "registration", "folder", "stack"])
      expect(run.all).to.contain(`--${flag} <`);
    expect(run.all).not.to.contain("--release");
  });

  it("takes no host key on the word of --yes", async () => {
    const argv = ["init", "--server", server, "--yes", "--folder", join(home, "another")];
    const run = await without(chatalot, [...argv, "--repository", repository]);
    expect(run.exitCode, run.all).to.equal(2);
    expect(run.all).to.contain("isn't confirmed").and.to.contain("--host-key");
    expect(existsSync(join(home, "another"))).to.equal(false);
  });

  it("refuses a server whose key is another than the one of --host-key", async () => {
    const wrong =
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const argv = ["init", "--server", server, "--yes", "--host-key", wrong];
    const run = await without(chatalot, [...argv, "--folder", join(home, "another")]);
    expect(run.exitCode, run.all).to.equal(1);
    expect(run.all).to.contain("the host key is wrong").and.to.contain(fingerprint(demo.hostKey));
    expect(existsSync(join(home, "another"))).to.equal(false);
  });
});

/** Prose is wrapped; commands, paths and keys are not. */
function isProse(line: string): boolean {
  return !/^ |\/|SHA256/.test(line);
}
