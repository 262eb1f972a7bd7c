import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { makeProviderBundle } from "../../provider/bundle.ts";
import { updaterBundle } from "../../provider/server/updater-bundle.ts";

describe("the provider's bundle", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-bundle-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("has an entry point, and the very updater that the sources give", async () => {
    expect(await makeProviderBundle(join(folder, "provider-a"))).to.equal(true);
    expect(await readdir(join(folder, "provider-a"))).to.include.members([
      "main.js",
      "updater.mjs",
    ]);
    const updater = await readFile(join(folder, "provider-a", "updater.mjs"));
    const { sha256 } = await updaterBundle();
    expect(createHash("sha256").update(updater).digest("hex")).to.equal(sha256);
    expect(await readdir(folder), "nothing half made is left").to.deep.equal(["provider-a"]);
  });

  it("leaves one alone that another process made meanwhile", async () => {
    await mkdir(join(folder, "provider-a"));
    await writeFile(join(folder, "provider-a", "main.js"), "theirs");
    expect(await makeProviderBundle(join(folder, "provider-a"))).to.equal(true);
    expect(await readFile(join(folder, "provider-a", "main.js"), "utf8")).to.equal("theirs");
  });

  it("removes those of other versions after a day, and not before", async () => {
    for (const name of ["provider-old", "provider-recent", "something-else"])
      await mkdir(join(folder, name));
    const longAgo = Date.now() / 1_000 - 2 * 86_400;
    for (const name of ["provider-old", "something-else"])
      await utimes(join(folder, name), longAgo, longAgo);
    await makeProviderBundle(join(folder, "provider-a"));
    expect(await readdir(folder)).to.have.members([
      ...["provider-a", "provider-recent", "something-else"],
    ]);
  });

  it("says so where it can't be written", async () => {
    // A file in the way, since a root user may write into every folder.
    await writeFile(join(folder, "file"), "");
    expect(await makeProviderBundle(join(folder, "file", "provider-a"))).to.equal(false);
  });
});
