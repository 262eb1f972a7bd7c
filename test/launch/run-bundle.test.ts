import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";

const RUN_BUNDLE = new URL("../../launch/run-bundle.mjs", import.meta.url).href;

describe("runBundle", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-run-"));
    file = join(folder, "bundle.cjs");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** What a bundle exports, in a process of its own as at each start. */
  async function exported(...flags: string[]): Promise<unknown> {
    const start = `
      import { runBundle } from ${JSON.stringify(RUN_BUNDLE)};
      console.log(JSON.stringify(runBundle(${JSON.stringify(file)}).answer));
    `;
    const argv = [...flags, "--input-type=module", "--eval", start];
    const { stdout } = await execa(process.execPath, argv);
    return JSON.parse(stdout);
  }

  const cacheFile = async () => {
    const [name] = (await readdir(folder)).filter((entry) => entry.endsWith(".cache"));
    return join(folder, name ?? "none");
  };

  it("gives what the bundle exports, with packages and files beside it", async () => {
    await mkdir(join(folder, "node_modules", "neighbour"), { recursive: true });
    await writeFile(join(folder, "node_modules/neighbour/index.js"), "module.exports = 'package';");
    await writeFile(file, "exports.answer = [require('neighbour'), __dirname];");
    const expected = ["package", folder];
    expect(await exported(), "first start").to.deep.equal(expected);
    expect(await exported(), "from what was kept").to.deep.equal(expected);
  });

  it("keeps what V8 made of it, once, and nothing half written", async () => {
    await writeFile(file, "exports.answer = 1;");
    await exported();
    const { mtimeMs, size } = await stat(await cacheFile());
    expect(size).to.be.greaterThan(0);
    await exported();
    expect((await stat(await cacheFile())).mtimeMs).to.equal(mtimeMs);
    expect(await readdir(folder)).to.have.length(2);
  });

  it("starts in spite of a damaged cache, and makes it anew", async () => {
    await writeFile(file, "exports.answer = 1;");
    await exported();
    const kept = await cacheFile();
    const whole = await readFile(kept);
    await writeFile(kept, whole.subarray(0, whole.length / 2));
    expect(await exported()).to.equal(1);
    expect((await readFile(kept)).length).to.equal(whole.length);
  });

  it("starts where V8 has other flags, which its cache does not fit", async () => {
    await writeFile(file, "exports.answer = 1;");
    await exported();
    expect(await exported("--no-opt")).to.equal(1);
  });

  it("starts where nothing can be written", async () => {
    await writeFile(file, "exports.answer = 1;");
    // A folder in the way, since a root user may write into every folder.
    const kept = `${file}.${process.version}-${process.arch}.cache`;
    await mkdir(join(kept, "in the way"), { recursive: true });
    expect(await exported()).to.equal(1);
    expect(await readdir(folder)).to.have.length(2);
  });
});
