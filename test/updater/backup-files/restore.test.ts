import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { collect } from "../../../updater/backup-files/collect.ts";
import type { FileList } from "../../../updater/backup-files/file-list.ts";
import {
  bytesToRestore,
  type Restored,
  restoreUploads,
} from "../../../updater/backup-files/restore.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

describe("restoring uploads", () => {
  const temporary = useTemporaryDirectory();
  let list: FileList;
  const restore = (replaces = true): Promise<Restored> =>
    restoreUploads({
      ...{ backup: temporary("backup"), list, uploads: temporary("live"), replaces },
      setAside: temporary("aside"),
    });

  beforeEach(async () => {
    await mkdir(temporary("live", "ab"), { recursive: true });
    await writeFile(temporary("live", "one"), "first");
    await writeFile(temporary("live", "ab", "two"), "second", { mode: 0o640 });
    await mkdir(temporary("backup"));
    list = await collect([{ path: "uploads", folder: temporary("live") }], temporary("backup"));
  });

  it("puts back what is missing, with mode and time, and leaves the rest alone", async () => {
    const before = await stat(temporary("live", "ab", "two"));
    await rm(temporary("live", "ab"), { recursive: true });
    await writeFile(temporary("live", "newer"), "of later");
    expect(await bytesToRestore(list, temporary("live"))).to.equal("second".length);
    expect(await restore()).to.deep.equal({ added: 1, replaced: 0 });
    const after = await stat(temporary("live", "ab", "two"));
    expect(after.mode).to.equal(before.mode);
    expect(Math.floor(after.mtimeMs)).to.equal(Math.floor(before.mtimeMs));
    expect(await readFile(temporary("live", "ab", "two"), "utf8")).to.equal("second");
    expect(await readFile(temporary("live", "newer"), "utf8")).to.equal("of later");
    expect((await readdir(temporary("live", "ab"))).sort()).to.deep.equal(["two"]);
  });

  it("does nothing the second time", async () => {
    await rm(temporary("live", "one"));
    await restore();
    expect(await restore()).to.deep.equal({ added: 0, replaced: 0 });
    expect(await bytesToRestore(list, temporary("live"))).to.equal(0);
  });

  it("keeps what has another content", async () => {
    await writeFile(temporary("live", "one"), "something else");
    expect(await restore()).to.deep.equal({ added: 0, replaced: 1 });
    expect(await readFile(temporary("live", "one"), "utf8")).to.equal("first");
    expect(await readFile(temporary("aside", "one"), "utf8")).to.equal("something else");
  });

  it("leaves what has another content to a chat that serves", async () => {
    await writeFile(temporary("live", "one"), "something else");
    await rm(temporary("live", "ab", "two"));
    expect(await restore(false)).to.deep.equal({ added: 1, replaced: 0 });
    expect(await readFile(temporary("live", "one"), "utf8")).to.equal("something else");
    expect(await readdir(temporary())).to.not.include("aside");
  });

  it("replaces nothing that half a copy was kept of until then", async () => {
    await writeFile(temporary("live", "one"), "something else");
    await mkdir(temporary("aside"));
    await writeFile(temporary("aside", "one"), "some");
    await restore();
    expect(await readFile(temporary("aside", "one.kept-2"), "utf8")).to.equal("something else");
  });

  it("never writes through a link that stands where a folder was", async () => {
    await rm(temporary("live", "ab"), { recursive: true });
    await mkdir(temporary("etc"));
    await symlink(temporary("etc"), temporary("live", "ab"));
    await errorOf(() => restore());
    expect(await readdir(temporary("etc"))).to.deep.equal([]);
  });

  it("replaces a link that stands where a file was, and not what it leads to", async () => {
    await writeFile(temporary("precious"), "mine");
    await rm(temporary("live", "one"));
    await symlink(temporary("precious"), temporary("live", "one"));
    await restore();
    expect(await readFile(temporary("precious"), "utf8")).to.equal("mine");
    expect(await readFile(temporary("live", "one"), "utf8")).to.equal("first");
  });

  it("puts nothing there that changed in the backup", async () => {
    await rm(temporary("live", "one"));
    await writeFile(temporary("backup", "uploads", "one"), "FIRST");
    expect((await errorOf(() => restore())).message).to.contain('"uploads/one" has the SHA-256');
    expect(await readdir(temporary("live"))).to.deep.equal(["ab"]);
  });
});
