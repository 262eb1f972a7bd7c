import { execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { hasOtherName, keepLink, placeFile } from "../../updater/keep-link.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

/** Linux has it in memory, and so on a file system of its own. */
const ELSEWHERE = "/dev/shm";

describe("a file under a second name", () => {
  const temporary = useTemporaryDirectory();
  let elsewhere = "";

  beforeEach(async () => {
    elsewhere = await mkdtemp(join(ELSEWHERE, "chatalot-deploy-updater-"));
    expect((await stat(elsewhere)).dev).not.to.equal((await stat(temporary())).dev);
    await writeFile(temporary("one"), "first");
  });

  afterEach(async () => {
    await rm(elsewhere, { recursive: true, force: true });
  });

  it("is a link on the same file system, and stays one", async () => {
    for (let round = 0; round < 2; round += 1) {
      expect(await keepLink(temporary("one"), temporary("kept"))).to.equal(true);
      expect((await stat(temporary("kept"))).ino).to.equal((await stat(temporary("one"))).ino);
    }
    expect((await readdir(temporary())).sort()).to.deep.equal(["kept", "one"]);
  });

  it("is a whole copy on another one, with owner, mode and time", async () => {
    await chmod(temporary("one"), 0o640);
    await chown(temporary("one"), 1234, 4321);
    await utimes(temporary("one"), 1_000, 2_000);
    for (let round = 0; round < 2; round += 1)
      await keepLink(temporary("one"), join(elsewhere, "kept"));
    const facts = await stat(join(elsewhere, "kept"));
    expect(facts).to.include({ uid: 1234, gid: 4321, mtimeMs: 2_000_000 });
    expect(facts.mode & 0o777).to.equal(0o640);
    expect(await readFile(join(elsewhere, "kept"), "utf8")).to.equal("first");
    expect(await readdir(elsewhere)).to.deep.equal(["kept"]);
  });

  it("is not copied where it must not be", async () => {
    const options = { copies: false };
    expect(await keepLink(temporary("one"), join(elsewhere, "kept"), options)).to.equal(false);
    expect(await readdir(elsewhere)).to.deep.equal([]);
  });

  for (const place of ["the same", "another"])
    it(`does not take half a copy for it on ${place} file system, nor write over it`, async () => {
      const folder = place === "the same" ? temporary() : elsewhere;
      await writeFile(join(folder, "kept"), "fir");
      for (let round = 0; round < 2; round += 1)
        expect(await keepLink(temporary("one"), join(folder, "kept"))).to.equal(true);
      expect(await readFile(join(folder, "kept"), "utf8")).to.equal("fir");
      expect(await readFile(join(folder, "kept.kept-2"), "utf8")).to.equal("first");
      expect(await readdir(folder)).not.to.include("kept.kept-3");
      expect(await placeFile(temporary("one"), join(folder, "kept"))).to.equal("taken");
    });

  it("leaves nothing of a copy that fails", async () => {
    await rm(temporary("one"));
    execFileSync("mkfifo", [temporary("one")]);
    await errorOf(() => keepLink(temporary("one"), join(elsewhere, "kept")));
    expect(await readdir(elsewhere)).to.deep.equal([]);
  });

  it("is not waited for where it is a pipe, nor followed where it is a link", async () => {
    execFileSync("mkfifo", [temporary("pipe")]);
    await symlink(temporary("one"), temporary("link"));
    for (const name of ["pipe", "link"]) {
      await errorOf(() => keepLink(temporary(name), join(elsewhere, name)));
      await writeFile(join(elsewhere, name), "");
      await errorOf(() => keepLink(temporary(name), join(elsewhere, name)));
    }
  });

  it("knows which names are not the file's own", () => {
    for (const name of [".0123456789ab.tmp", "kept.kept-2"])
      expect(hasOtherName(name), name).to.equal(true);
    for (const name of ["kept.2", "a.tmp", "0123456789ab"])
      expect(hasOtherName(name), name).to.equal(false);
  });
});
