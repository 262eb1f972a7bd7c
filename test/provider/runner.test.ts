import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { type HostFacts, parseHostFacts } from "../../provider/server/host-facts.ts";
import { installedRunner, installRunner } from "../../provider/server/runner.ts";
import { updaterBundle } from "../../provider/server/updater-bundle.ts";
import type { Transport } from "../../transport/index.ts";
import { readyFacts } from "./support/samples.ts";

const FOLDER = "/usr/local/lib/chatalot-deploy";

function factsWith(...lines: string[]): HostFacts {
  return parseHostFacts(`${readyFacts()}${lines.join("\n")}\n`);
}

function factsWithNode(node: string, ...lines: string[]): HostFacts {
  return parseHostFacts(`${readyFacts().replace(/^node=.*$/m, node)}${lines.join("\n")}\n`);
}

describe("installedRunner", () => {
  let updater: string;

  before(async () => {
    updater = `${FOLDER}/${(await updaterBundle()).sha256}/updater.mjs`;
  });

  it("is undefined where this version's updater isn't there", async () => {
    expect(await installedRunner(factsWith(`runner=${FOLDER}/x/updater.mjs`))).to.equal(undefined);
  });

  it("is run by the server's own Node where that is new enough and root's", async () => {
    expect(await installedRunner(factsWith(`runner=${updater}`))).to.deep.equal({
      node: "/usr/bin/node",
      updater,
    });
  });

  for (const node of [
    "node=0:755 v20.18.3 /usr/bin/node",
    "node=1000:755 v22.1.0 /home/x/node",
    "node=0:777 v22.1.0 /opt/node",
    "",
  ]) {
    it(`is run by ours instead of ${node === "" ? "none" : node}`, async () => {
      const lines = [`runner=${updater}`, `runner=${FOLDER}/abc/node`];
      expect(await installedRunner(factsWithNode(node, ...lines))).to.deep.equal({
        node: `${FOLDER}/abc/node`,
        updater,
      });
      expect(await installedRunner(factsWithNode(node, `runner=${updater}`))).to.equal(undefined);
    });
  }

  it("sends the updater alone where the server has a Node", async () => {
    const labels: string[] = [];
    const transport: Transport = {
      target: "root@chat.example.org",
      run: async (label, argv) => {
        labels.push(`${label}: ${argv.join(" ")}`);
        // An upload ends with the digest of what arrived.
        return { exitCode: 0, stdout: (await updaterBundle()).sha256, stderr: "" };
      },
      close: async () => undefined,
    };
    const told: string[] = [];
    await installRunner(transport, factsWith(), (text) => told.push(text)).catch(() => undefined);
    expect(told).to.deep.equal(["sending the updater"]);
    expect(labels[0]).to.include(`--owner=root --group=root --mode=755 ${FOLDER}`);
  });
});

describe("updaterBundle", function () {
  this.timeout(60_000);

  it("is the same bytes for the same sources, wherever it is made", async () => {
    const script =
      'const { updaterBundle } = await import("./provider/server/updater-bundle.ts");' +
      "process.stdout.write((await updaterBundle()).sha256);";
    const argv = ["--import", "tsx", "--input-type=module", "--eval", script];
    const { stdout } = await execa("node", argv);
    expect(stdout).to.equal((await updaterBundle()).sha256);
  });

  it("has nothing of the machine that made it", async () => {
    const text = Buffer.from((await updaterBundle()).content).toString();
    expect(text).not.to.include(process.cwd());
  });

  it("starts by itself, and says what it doesn't understand", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-bundle-"));
    try {
      const file = join(folder, "updater.mjs");
      await writeFile(file, (await updaterBundle()).content);
      const result = await execa("node", [file], { cwd: folder, reject: false });
      expect(result.exitCode).to.equal(1);
      expect(result.stdout).to.equal("");
      expect(result.stderr).to.equal('unknown verb ""');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
