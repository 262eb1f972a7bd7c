import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { ensureDocker, ensureToolchain, type Toolchain } from "../../toolchain/index.ts";
import { pluginVersions } from "../../toolchain/versions.ts";
import { ThrowawayProgram, type PreviewStep, type Wanted } from "./throwaway-program.ts";

/** The mark of a secret in the state; its text is encrypted. */
const secretMark = "4dabf18193072939515e22adb298388d";

/** Holds whatever takes the plugins' place, real or stand-in, to what the real ones were seen to do. */
describe("the plugins, run by the engine", function () {
  // One run of the engine takes 3 to 6 s, more on a busy machine.
  this.timeout("3 minutes");

  let toolchain: Toolchain;
  let program: ThrowawayProgram;
  const volumeName = `contract-test-${randomBytes(4).toString("hex")}`;
  const labels = [
    { label: "made.by", value: "contract test" },
    { label: "also", value: "yes" },
  ];
  const wanted = {
    password: { length: 32, special: false, keepers: { reason: "first" } },
    volume: { name: volumeName, labels },
    command: { create: "echo made; echo aside >&2", delete: "exit 0", triggers: ["first"] },
  } satisfies Wanted;

  before(async function () {
    // The engine may have to be built first.
    this.timeout("60 minutes");
    toolchain = await ensureToolchain(console.log);
    await ensureDocker(console.log);
    program = await ThrowawayProgram.make(toolchain.environment);
  });

  after(async () => {
    await program?.destroy();
    await docker("volume", "rm", "--force", volumeName);
  });

  describe("in a first up", () => {
    let output: string;
    before(async () => {
      output = await program.up(wanted);
    });

    it("give no warnings", () => {
      expect(output).not.to.match(/warning/i);
    });

    it("make a password of the asked form, with the id none", async () => {
      const password = await program.resource("password");
      expect(password?.id).to.equal("none");
      expect((await program.outputs()).password).to.match(/^[a-zA-Z0-9]{32}$/);
      expect(password?.outputs).to.deep.include({ length: 32, special: false });
      const defaults = { lower: true, upper: true, number: true, numeric: true };
      expect(password?.outputs).to.deep.include(defaults);
      const minimums = { minLower: 0, minUpper: 0, minNumeric: 0, minSpecial: 0 };
      expect(password?.outputs).to.deep.include(minimums);
    });

    it("keep the password out of the state in plain", async () => {
      const { outputs } = (await program.resource("password")) ?? {};
      for (const secret of ["result", "bcryptHash"]) {
        expect(outputs?.[secret]).to.have.property(secretMark);
        expect(outputs?.[secret]).to.have.property("ciphertext");
      }
      const plain = (await program.outputs()).password;
      expect(await program.stateFile()).not.to.contain(plain);
    });

    it("make a volume whose id is its name", async () => {
      const volume = await program.resource("volume");
      expect(volume?.id).to.equal(volumeName);
      expect(volume?.outputs).to.include({ name: volumeName, driver: "local" });
      expect(volume?.outputs.mountpoint).to.contain(volumeName);
      expect(volume?.outputs.labels).to.have.deep.members(labels);
      const format = '{{index .Labels "made.by"}}';
      expect(await docker("volume", "inspect", "--format", format, volumeName)).to.equal(
        "contract test",
      );
    });

    it("run a local command and keep what it printed, without the last newline", async () => {
      const command = await program.resource("command");
      expect(command?.id).to.match(/^command[0-9a-f]{8}$/);
      expect(command?.outputs).to.include({ stdout: "made", stderr: "aside" });
      expect(output).to.contain("made").and.to.contain("aside");
    });
  });

  describe("afterwards", () => {
    it("see nothing to do when nothing has changed", async () => {
      const steps = await program.preview(wanted);
      expect(steps.map(({ op }) => op)).to.deep.equal(steps.map(() => "same"));
    });

    it("replace each resource for the inputs that call for it", async () => {
      const steps = await program.preview({
        password: { ...wanted.password, keepers: { reason: "second" } },
        volume: { ...wanted.volume, labels: labels.slice(1) },
        command: { ...wanted.command, triggers: ["second"] },
      });
      for (const [name, property] of [
        ["password", "keepers"],
        ["volume", "labels"],
        ["command", "triggers"],
      ] as const) {
        const step = steps.find(({ urn, op }) => urn.endsWith(`::${name}`) && op === "replace");
        expect(step, name).to.have.nested.property(`detailedDiff.${property}`);
      }
    });

    it("make another password when its keepers change", async () => {
      const before = (await program.outputs()).password;
      const password = { ...wanted.password, keepers: { reason: "second" } };
      const command = { ...wanted.command, create: 'echo "before: $PULUMI_COMMAND_STDOUT"' };
      const idBefore = (await program.resource("command"))?.id;
      await program.up({ ...wanted, password, command });
      const outputs = await program.outputs();
      expect(outputs.password)
        .to.match(/^[a-zA-Z0-9]{32}$/)
        .and.not.to.equal(before);
      // The same run: a command that has no update runs create again, and keeps its id.
      expect(outputs.stdout).to.equal("before: made");
      expect((await program.resource("command"))?.id).to.equal(idBefore);
    });

    it("drop a volume that was removed by hand in a refresh, and make it again", async () => {
      await docker("volume", "rm", volumeName);
      await program.pulumi("refresh", "--yes", "--skip-preview");
      expect(await program.resource("volume")).to.equal(undefined);
      expect(await program.resource("password")).not.to.equal(undefined);
      const steps = await program.preview({ ...wanted });
      expect(opOf(steps, "volume")).to.equal("create");
    });

    it("take over a volume of the same name with what is in it", async () => {
      const withLabels = labels.flatMap(({ label, value }) => ["--label", `${label}=${value}`]);
      await docker("volume", "create", ...withLabels, volumeName);
      const mountpoint = await docker("volume", "inspect", "-f", "{{.Mountpoint}}", volumeName);
      await writeFile(path.join(mountpoint, "message"), "kept");
      await program.up(wanted);
      expect((await program.resource("volume"))?.id).to.equal(volumeName);
      expect(await readFile(path.join(mountpoint, "message"), "utf8")).to.equal("kept");
    });
  });

  describe("with a docker provider", () => {
    it("work over ssh with the given options", async () => {
      const bin = path.join(program.directory, "bin");
      await mkdir(bin);
      // In place of a server: notes its arguments and runs the last one here.
      const script = '#!/bin/sh\necho "$@" >>"$0.log"\nfor last; do :; done\nexec sh -c "$last"\n';
      await writeFile(path.join(bin, "ssh"), script, { mode: 0o755 });
      const other = await ThrowawayProgram.make({
        ...toolchain.environment,
        PATH: `${bin}:${toolchain.environment.PATH}`,
      });
      const name = `${volumeName}-ssh`;
      try {
        const host = "ssh://root@chat.example.org:2222";
        const sshOpts = ["-o", "UserKnownHostsFile=/nowhere/known hosts"];
        await other.up({ volume: { name }, provider: { host, sshOpts } });
        expect(await docker("volume", "inspect", "-f", "{{.Name}}", name)).to.equal(name);
        const log = await readFile(path.join(bin, "ssh.log"), "utf8");
        expect(log).to.match(/^-o UserKnownHostsFile=\/nowhere\/known hosts .*BatchMode=yes/);
        expect(log).to.contain(
          `-l root -p 2222 -- chat.example.org docker volume create -- ${name}`,
        );
        // Another way to the daemon is no other volume.
        const provider = { host, sshOpts: ["-4"] };
        const steps = await other.preview({ volume: { name }, provider });
        expect(opOf(steps, "server")).to.equal("update");
        expect(opOf(steps, "volume")).to.equal(undefined);
      } finally {
        await other.destroy();
        await docker("volume", "rm", "--force", name);
      }
    });
  });

  describe("where they are stand-ins", () => {
    before(function () {
      if (toolchain.standIns.length === 0) this.skip();
    });

    it("refuse a type that they don't cover, by its name", async () => {
      const output = await program.failingPreview({ ...wanted, pet: { length: 2 } });
      expect(output).to.contain("Cannot work on random:index/randomPet:RandomPet");
      expect(output).to.contain("stand-in for Pulumi's random plugin");
    });

    it("refuse an input that they don't cover, by its name", async () => {
      const cluster = { availability: "active" };
      const output = await program.failingPreview({
        ...wanted,
        volume: { ...wanted.volume, cluster },
      });
      expect(output).to.contain('"cluster" is not covered by the stand-in');
    });

    for (const [what, end] of [
      ["its engine has gone", "stdin"],
      ["it is interrupted", "SIGINT"],
    ] as const) {
      it(`end when ${what}`, async () => {
        const [name] = toolchain.standIns;
        if (name === undefined) throw new Error("there is no stand-in");
        const folder = `resource-${name}-v${pluginVersions[name]}`;
        const home = String(toolchain.environment.PULUMI_HOME);
        const plugin = spawn(path.join(home, "plugins", folder, `pulumi-resource-${name}`), [], {
          stdio: ["pipe", "pipe", "inherit"],
        });
        const exit = once(plugin, "exit");
        const [port] = (await once(plugin.stdout, "data")) as [Buffer];
        expect(port.toString()).to.match(/^\d+\n$/);
        if (end === "stdin") plugin.stdin.end();
        else plugin.kill(end);
        await exit;
      });
    }
  });

  it("start without the checkout that they were made from", async () => {
    const elsewhere = await mkdtemp(path.join(tmpdir(), "contract-test-cwd-"));
    try {
      for (const name of toolchain.standIns) {
        const folder = `resource-${name}-v${pluginVersions[name]}`;
        const home = String(toolchain.environment.PULUMI_HOME);
        const file = path.join(home, "plugins", folder, `pulumi-resource-${name}`);
        // Standard input has ended, so it ends at once after it has said its port.
        const result = await execa(file, { cwd: elsewhere, stdin: "ignore", timeout: 20_000 });
        expect(result.exitCode).to.equal(0);
      }
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it("are there without a step when they are asked for again", async () => {
    const said: string[] = [];
    expect(await ensureToolchain((line) => said.push(line))).to.deep.equal(toolchain);
    // Another engine on the way of this machine's programs is named each time, and not taken.
    expect(said.filter((line) => !line.startsWith("Not using "))).to.deep.equal([]);
  });
});

/** What a preview does with a resource. It leaves out some that stay the same: undefined. */
function opOf(steps: PreviewStep[], name: string): string | undefined {
  return steps.find(({ urn }) => urn.endsWith(`::${name}`))?.op;
}

async function docker(...args: string[]): Promise<string> {
  return (await execa("docker", args, { timeout: 60_000 })).stdout;
}
