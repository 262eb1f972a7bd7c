import { createHash } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { CHANGED, runnerArgv } from "../../provider/server/checked-runner.ts";
import { HOSTILE_VALUES } from "../support/hostile-values.ts";

const UPDATER = "process.stdout.write(JSON.stringify(process.argv.slice(2)))";

describe("the updater, before it is run", function () {
  let folder: string;
  let updater: string;

  beforeEach(async function () {
    // Only root can give a file to root, and take it away.
    if (process.getuid?.() !== 0) this.skip();
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-runner-"));
    const own = join(folder, createHash("sha256").update(UPDATER).digest("hex"));
    await mkdir(own, { mode: 0o755 });
    updater = join(own, "updater.mjs");
    await writeFile(updater, UPDATER, { mode: 0o644 });
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  async function run(path = updater, ...verb: string[]) {
    const [program = "", ...argv] = runnerArgv({ node: process.execPath, updater: path }, ...verb);
    return execa(program, argv, { reject: false });
  }

  it("is run with its arguments as they are, also by a link to it", async () => {
    const link = join(folder, "runner-updater");
    await symlink(updater, link);
    const values = HOSTILE_VALUES.filter((value) => !/\0/.test(value) && value.length < 1_000);
    for (const path of [updater, link]) {
      const { stdout } = await run(path, "submit", ...values);
      expect(JSON.parse(stdout)).to.deep.equal(["submit", ...values]);
    }
  });

  for (const [what, change, says] of [
    [
      "has another byte",
      (path: string) => writeFile(path, `${UPDATER} `),
      "not what was put there",
    ],
    ["belongs to somebody else", (path: string) => chown(path, 65_534, 0), "not belong to root"],
    ["can be written to by a group", (path: string) => chmod(path, 0o664), "others than root"],
    [
      "is in a folder of everybody",
      (path: string) => chmod(join(path, ".."), 0o777),
      "others than",
    ],
    ["is in somebody's folder", (path: string) => chown(join(path, ".."), 65_534, 0), "not belong"],
  ] as const)
    it(`is not run where it ${what}, and the text says what to do`, async () => {
      await change(updater);
      const { exitCode, stdout, stderr } = await run();
      expect(exitCode, stderr).to.equal(CHANGED);
      expect(stdout).to.equal("");
      expect(stderr).to.contain(says).and.to.contain("Nothing was run");
    });

  it("is not run by a Node that others can change", async () => {
    const node = join(folder, "node");
    await writeFile(node, "#!/bin/sh\necho run\n", { mode: 0o755 });
    await chmod(node, 0o777);
    const [program = "", ...argv] = runnerArgv({ node, updater }, "submit");
    const { exitCode, stdout } = await execa(program, argv, { reject: false });
    expect([exitCode, stdout]).to.deep.equal([CHANGED, ""]);
  });
});
