import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { execa } from "execa";

const BOOTSTRAP = fileURLToPath(new URL("../../toolchain/bootstrap.mjs", import.meta.url));

/** Stands in for npm: "installs" by writing the record that the real one writes. */
const NPM = `#!/bin/sh
echo "$*" >> npm-calls
mkdir -p node_modules
cat package-lock.json > node_modules/.package-lock.json
`;

describe("the start of a script", () => {
  let checkout: string;

  beforeEach(async () => {
    checkout = await mkdtemp(join(tmpdir(), "bootstrap-test-"));
    await cp(BOOTSTRAP, join(checkout, "toolchain", "bootstrap.mjs"));
    await mkdir(join(checkout, "bin"));
    await writeFile(join(checkout, "bin", "npm"), NPM);
    await chmod(join(checkout, "bin", "npm"), 0o755);
    await lock("2.0.0");
  });
  afterEach(() => rm(checkout, { recursive: true }));

  it("installs the packages once", async () => {
    await start();
    await start();
    expect(await installs()).to.equal(1);
  });

  it("installs them again after npm installed those of another checkout", async () => {
    await start();
    await lock("1.0.0");
    await npm("install");
    await lock("2.0.0");
    await start();
    await start();
    expect(await installs()).to.equal(2);
  });

  it("installs them again when others are locked", async () => {
    await start();
    await lock("3.0.0");
    await start();
    expect(await installs()).to.equal(2);
  });

  it("leaves what npm installed by hand as it is", async () => {
    await npm("install");
    await start();
    await start();
    expect(await installs()).to.equal(0);
  });

  async function lock(version: string): Promise<void> {
    const packages = { "node_modules/one": { version, integrity: `sha512-${version}` } };
    await writeFile(join(checkout, "package-lock.json"), JSON.stringify({ packages }));
  }

  async function start(): Promise<void> {
    await execa(process.execPath, ["toolchain/bootstrap.mjs", "--install-only"], inCheckout());
  }

  async function npm(command: string): Promise<void> {
    await execa("npm", [command], inCheckout());
  }

  function inCheckout(): { cwd: string; env: Record<string, string> } {
    return { cwd: checkout, env: { PATH: `${join(checkout, "bin")}:${process.env.PATH ?? ""}` } };
  }

  /** How often the start itself had npm install. */
  async function installs(): Promise<number> {
    const calls = await readFile(join(checkout, "npm-calls"), "utf8").catch(() => "");
    return calls.split("\n").filter((line) => line.startsWith("ci ")).length;
  }
});
