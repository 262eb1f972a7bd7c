import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { expect } from "chai";
import {
  linkDurably,
  makeDirectoryDurably,
  nameExists,
  readFileIfThere,
  removeDurably,
  writeFileDurably,
} from "../../updater/files.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe("durable files", () => {
  const temporary = useTemporaryDirectory();

  it("writes a file for its owner only, and leaves nothing beside it", async () => {
    await writeFileDurably(temporary("file"), "content");
    expect(await readFile(temporary("file"), "utf8")).to.equal("content");
    expect(await modeOf(temporary("file"))).to.equal(0o600);
    expect(await readdir(temporary())).to.deep.equal(["file"]);
  });

  it("gives a file the mode asked for, whatever the umask and the mode it had", async () => {
    await writeFile(temporary("file"), "old", { mode: 0o666 });
    const umask = process.umask(0o077);
    try {
      await writeFileDurably(temporary("file"), "new", 0o644);
    } finally {
      process.umask(umask);
    }
    expect(await modeOf(temporary("file"))).to.equal(0o644);
  });

  it("replaces a file as a whole: who has it open keeps the old one", async () => {
    await writeFileDurably(temporary("file"), "old");
    const before = await stat(temporary("file"));
    await writeFileDurably(temporary("file"), "new");
    expect((await stat(temporary("file"))).ino).not.to.equal(before.ino);
  });

  it("replaces a link and doesn't write through it", async () => {
    await writeFile(temporary("elsewhere"), "theirs");
    await symlink(temporary("elsewhere"), temporary("file"));
    await writeFileDurably(temporary("file"), "ours");
    expect(await readFile(temporary("elsewhere"), "utf8")).to.equal("theirs");
    expect((await lstat(temporary("file"))).isFile()).to.equal(true);
  });

  it("leaves the old content where the new can't be written", async () => {
    await mkdir(temporary("folder"));
    await errorOf(() => writeFileDurably(temporary("folder"), "x"));
    await errorOf(() => writeFileDurably(temporary("none", "file"), "x"));
    expect((await stat(temporary("folder"))).isDirectory()).to.equal(true);
  });

  it("points a link somewhere else, also one that leads nowhere", async () => {
    await linkDurably(temporary("current"), "releases/1");
    await linkDurably(temporary("current"), "releases/2");
    expect(await readlink(temporary("current"))).to.equal("releases/2");
    expect(await readdir(temporary())).to.deep.equal(["current"]);
  });

  it("makes folders that only their owner can enter, and keeps those that are there", async () => {
    await makeDirectoryDurably(temporary("a", "b"));
    expect(await modeOf(temporary("a", "b"))).to.equal(0o700);
    await writeFile(temporary("a", "b", "file"), "x");
    await makeDirectoryDurably(temporary("a", "b"));
    expect(await readdir(temporary("a", "b"))).to.deep.equal(["file"]);
  });

  it("removes a file, and has nothing against one that is not there", async () => {
    await writeFile(temporary("file"), "x");
    await removeDurably(temporary("file"));
    await removeDurably(temporary("file"));
    await removeDurably(temporary("none", "file"));
    expect(await readdir(temporary())).to.deep.equal([]);
  });

  it("tells a missing file from an empty and from an unreadable one", async () => {
    await writeFile(temporary("empty"), "");
    expect(await readFileIfThere(temporary("none"))).to.equal(undefined);
    expect(await readFileIfThere(temporary("empty", "below"))).to.equal(undefined);
    expect(await readFileIfThere(temporary("empty"))).to.equal("");
    expect(await errorOf(() => readFileIfThere(temporary()))).to.include({ code: "EISDIR" });
  });

  it("finds a name that a link to nowhere has taken", async () => {
    await symlink("/nowhere", temporary("link"));
    expect(await nameExists(temporary("link"))).to.equal(true);
    expect(await nameExists(temporary("none"))).to.equal(false);
  });
});
