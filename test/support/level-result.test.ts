import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { execa } from "execa";
import { type LevelResult, resultOf } from "./level-result.ts";

const MOCHA = fileURLToPath(new URL("../../node_modules/mocha/bin/mocha.js", import.meta.url));
const REPORTER = fileURLToPath(new URL("./counting-reporter.mjs", import.meta.url));

describe("the result of a level", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "level-result-test-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("has the counts, and the names and causes of what failed", async () => {
    const result = await run(`
      it("is good", () => {});
      it.skip("is not run", () => {});
      it("is bad", () => { throw new Error("this is why"); });`);
    expect(result).to.include({ passes: 1, failures: 1, pending: 1, isWhole: true });
    expect(result.failed).to.have.length(1);
    expect(result.failed[0]?.title).to.equal("is bad");
    expect(result.failed[0]?.cause).to.contain("this is why");
  });

  it("has the names of what had failed when its process was killed", async () => {
    const result = await run(`
      it("is bad", () => { throw new Error("this is why"); });
      it("is killed", () => process.kill(process.pid, "SIGKILL"));`);
    expect(result).to.include({ failures: 2, isWhole: false });
    const [bad, level] = result.failed;
    expect(bad?.title).to.equal("is bad");
    expect(level?.title).to.equal("the level's own process");
    expect(level?.cause).to.contain("SIGKILL before its last test");
  });

  it("is a failure where its process failed after good tests", () => {
    const result = resultOf('{"counts":{"passes":2,"failures":0,"pending":0}}\n', 7);
    expect(result).to.include({ passes: 2, failures: 1, isWhole: true });
    expect(result.failed[0]?.cause).to.equal("it ended with 7");
  });

  it("is one failure where nothing was written, or half a line", () => {
    for (const report of ["", '{"failed":{"title":"is c'])
      expect(resultOf(report, 1)).to.include({ passes: 0, failures: 1, isWhole: false });
  });

  async function run(tests: string): Promise<LevelResult> {
    const [spec, counts] = [join(folder, "spec.mjs"), join(folder, "counts")];
    await writeFile(spec, tests);
    const argv = [MOCHA, "--no-config", "--no-package", "--reporter", REPORTER, spec];
    const { exitCode, signal } = await execa(process.execPath, argv, {
      cwd: folder,
      env: { CHATALOT_DEPLOY_TEST_COUNTS: counts },
      reject: false,
    });
    return resultOf(await readFile(counts, "utf8"), exitCode ?? signal ?? "nothing");
  }
});
