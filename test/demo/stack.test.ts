import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freeStack } from "../../demo/stack.ts";

/** Notes what it is called for; `wait` runs until its input ends. */
const PULUMI = `#!/bin/sh
if [ "$1" = wait ]; then echo waits; read -r line; exit; fi
echo "$*" >> "\${0%/*}/calls"
`;

describe("the demo's stack", () => {
  let folder: string;
  let running: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "stack-test-"));
    await writeFile(join(folder, "pulumi"), PULUMI, { mode: 0o755 });
  });
  afterEach(async () => {
    running?.kill();
    running = undefined;
    await rm(folder, { recursive: true });
  });

  it("is left alone where it has no lock", async () => {
    expect(await callsToFree()).to.equal("");
  });

  it("is freed from the lock of a pulumi that was killed", async () => {
    const gone = spawn("true");
    await once(gone, "exit");
    await lock({ pid: gone.pid, hostname: hostname() });
    expect(await callsToFree()).to.equal("cancel --yes --stack demo --non-interactive\n");
  });

  it("is freed where another program has the number of the one that was killed", async () => {
    await lock({ pid: process.pid, hostname: hostname() });
    expect(await callsToFree()).to.contain("cancel");
  });

  it("is freed from a lock whose content was lost with the power", async () => {
    await lock("");
    expect(await callsToFree()).to.contain("cancel");
  });

  it("stays locked by a pulumi that runs", async () => {
    const child = spawn(join(folder, "pulumi"), ["wait"], { stdio: ["pipe", "pipe", "inherit"] });
    running = child;
    await once(child.stdout, "data");
    await lock({ pid: child.pid, hostname: hostname() });
    expect(await callsToFree()).to.equal("");
  });

  it("stays locked by a process of another machine", async () => {
    await lock({ pid: process.pid, hostname: `not-${hostname()}` });
    expect(await callsToFree()).to.equal("");
  });

  async function lock(content: object | string): Promise<void> {
    const locks = join(folder, "state/.pulumi/locks/organization/chatalot-deploy/demo");
    await mkdir(locks, { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await writeFile(join(locks, "5fb54fe1.json"), text);
  }

  async function callsToFree(): Promise<string> {
    await freeStack({ PATH: `${folder}:${process.env.PATH ?? ""}` }, join(folder, "state"));
    return readFile(join(folder, "calls"), "utf8").catch(() => "");
  }
});
