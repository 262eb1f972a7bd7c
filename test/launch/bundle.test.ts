import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { makeBundles } from "../../launch/bundle.ts";
import { updaterBundle } from "../../provider/server/updater-bundle.ts";

describe("the bundles", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-bundle-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("has an entry point, and the very updater that the sources give", async () => {
    expect(await makeBundles(join(folder, "bundles-a"))).to.equal(true);
    expect(await readdir(join(folder, "bundles-a"))).to.include.members([
      "cli.cjs",
      "program.cjs",
      "provider.cjs",
      "updater.mjs",
    ]);
    const updater = await readFile(join(folder, "bundles-a", "updater.mjs"));
    const { sha256 } = await updaterBundle();
    expect(createHash("sha256").update(updater).digest("hex")).to.equal(sha256);
    expect(await readdir(folder), "nothing half made is left").to.deep.equal(["bundles-a"]);
  });

  it("is run without a loader of modules, which would not find what it imports later", async () => {
    await makeBundles(join(folder, "bundles-a"));
    for (const name of ["cli.cjs", "program.cjs", "provider.cjs"]) {
      const text = await readFile(join(folder, "bundles-a", name), "utf8");
      // With the parser of SQL among it, which is loaded when it is needed.
      expect(text.match(/[^.\w]import\([^)]*\)/g) ?? [], name).to.deep.equal([]);
    }
  });

  it("leaves one alone that another process made meanwhile", async () => {
    await mkdir(join(folder, "bundles-a"));
    await writeFile(join(folder, "bundles-a", "provider.cjs"), "theirs");
    expect(await makeBundles(join(folder, "bundles-a"))).to.equal(true);
    expect(await readFile(join(folder, "bundles-a", "provider.cjs"), "utf8")).to.equal("theirs");
  });

  it("removes those of other versions after a day, and not before", async () => {
    for (const name of ["bundles-old", "bundles-recent", "something-else"])
      await mkdir(join(folder, name));
    const longAgo = Date.now() / 1_000 - 2 * 86_400;
    for (const name of ["bundles-old", "something-else"])
      await utimes(join(folder, name), longAgo, longAgo);
    await makeBundles(join(folder, "bundles-a"));
    expect(await readdir(folder)).to.have.members([
      ...["bundles-a", "bundles-recent", "something-else"],
    ]);
  });

  it("says so where it can't be written", async () => {
    // A file in the way, since a root user may write into every folder.
    await writeFile(join(folder, "file"), "");
    expect(await makeBundles(join(folder, "file", "bundles-a"))).to.equal(false);
  });
});
